/* echo.h: what the programs of this folder do, whatever event loop they live in.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Each line on standard input is the offer of another program, as JSON.stringify(pc.localDescription) gives it in a
 * browser. Its answer goes to standard output, and what then comes over the channels is sent back. The loop has two
 * descriptors to watch.
 */
#ifndef ECHO_H
#define ECHO_H

/* Makes the driver. Returns the descriptor that is to be watched for as long as the program runs, or -1 (and says why). */
int echo_open(void);

/* The driver's descriptor is readable. */
void echo_process(void);

/* Standard input is readable. Returns 0 at its end: then it is not to be watched any more. */
int echo_input(void);

/* The input has ended and all peers are gone: the program may end. To be asked after each of the two. */
int echo_over(void);

/* Frees everything. */
void echo_close(void);

#endif
