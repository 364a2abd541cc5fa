/* What the tools over ORTC's transports share: a driver, sides, one loop for the network, the user's lines and one more
 * descriptor.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EXAMPLES_C_TOOL_H
#define EXAMPLES_C_TOOL_H

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#define TOOL_LINE 65536 /* the longest line, and always enough for parameters and descriptions */

struct side {
  const char *name;
  prtc_peer *peer;
  int controlling;
  uint32_t gathering, ice, dtls, sctp; /* the latest states */
  prtc_channel_id channel;             /* open, or 0 */
  int closed;
};

struct tool {
  const char *name, *usage;
  struct side sides[2];
  int side_count;
  int quiet;                                                  /* states are not told */
  void (*event)(struct side *side, const prtc_event *event);  /* after the state was noted. Or NULL */
  void (*line)(char *line);                                   /* of standard input; may be changed. NULL: it is not read */
  void (*line_end)(void);                                     /* of the input. Or NULL */
  int descriptor;                                             /* waited for, too; -1: none */
  void (*readable)(void);
};

extern struct tool tool; /* each program defines its own */
extern prtc_driver *driver;

prtc_time now(void);

/* "--help" prints the usage and ends the program; so does what `option` does not know, with status 2. option: takes
 * *argument, and its value where it has one; returns how many words it took, 0: it knows it not. */
void tool_arguments(int argc, char **argv, int (*option)(char **argument, int left));
void tool_bad_usage(void);
int tool_number(const char *text, long least, long most, long *out); /* 1 when it is one */

/* Ends the program when it cannot be done. */
void tool_begin(int side_count, const prtc_peer_config *config, int portable);
void tool_check(int code, const char *what); /* ends the program when it is an error */

/* For two programs that find each other by copy and paste: one side, which is the offering one ("controlling") as the only
 * argument says, "offer" or "answer". */
void tool_begin_as(int argc, char **argv);

/* Runs until tool_end was called and all sides are closed; the program's status. */
int tool_run(void);
void tool_end(int status);

/* A side's parameters as one line. */
const char *tool_parameters(const struct side *side);
/* Starts the side's first `stages` (1: ICE, 2: DTLS, 3: SCTP) with the other side's. 0 or an error, which is told. */
int tool_start(struct side *side, const char *parameters, int stages);

/* For two sides in one program: has each its candidates? Then each is started with the other's parameters. 1. */
int tool_is_gathered(void);
int tool_start_both(int stages);

/* A channel with a label, in order and reliable. */
void tool_channel(struct side *side, const char *label);

#endif
