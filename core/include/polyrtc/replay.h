/* polyrtc/replay.h: runs a recording again, byte for byte, and says where it comes out otherwise.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * An endpoint with prtc_endpoint_config.recording_size records all that goes into it. Since nothing else decides what it
 * does, the recording is the whole story: it can be run again later, elsewhere, with a debugger, with log lines, as a
 * capture. The replay records as well, and what it records must be the same bytes. Where it is not, the library is another
 * version, or there is a bug in polyrtc's determinism, or the file was changed.
 *
 * A recording contains the seed of all keys and everything that was received and sent: keep it as secret as those.
 *
 *     prtc_replay *replay = prtc_replay_new(&config);
 *     while ((code = prtc_replay_next(replay, &step)) > 0) look_at(&step);
 *     if (code < 0) puts(prtc_replay_message(replay));
 *
 * The format is described in core/base/recording.h.
 */
#ifndef POLYRTC_REPLAY_H
#define POLYRTC_REPLAY_H

#include <polyrtc/endpoint.h>
#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

typedef struct prtc_replay prtc_replay;

typedef struct prtc_replay_config {
  size_t size;
  const uint8_t *recording; /* borrowed until prtc_replay_free */
  size_t recording_size;
  uint32_t log_level;       /* of the endpoint that is made, as is what follows: see prtc_endpoint_config */
  uint32_t key_log;
  size_t capture_size;
} prtc_replay_config;

/* NULL when memory is lacking or what is given is no recording. */
PRTC_API prtc_replay *prtc_replay_new(const prtc_replay_config *config);
PRTC_API void prtc_replay_free(prtc_replay *replay);

/* One call of the recording, made again. */
typedef struct prtc_replay_step {
  size_t size;
  uint64_t number;          /* from 1 */
  prtc_time time;           /* as it was given to the call; for those without, to the one before */
  const char *call;         /* "peer_send": the function without "prtc_" */
  int32_t code;             /* what it returned */
  const prtc_event *events; /* of endpoint_event; valid until the next step */
  size_t event_count;
  size_t data_size;         /* of what was received, sent or transmitted, bytes */
} prtc_replay_step;

/* 1 and fills *out. 0: that was all. Errors, of which prtc_replay_message has a sentence, and after which there are no more
 * steps: UNEXPECTED (this step came out otherwise; *out is filled), MALFORMED, NO_MEMORY. */
PRTC_API int prtc_replay_next(prtc_replay *replay, prtc_replay_step *out);

/* What the last error was, or how a recording ended that is not whole; "" when there is nothing to say. */
PRTC_API const char *prtc_replay_message(const prtc_replay *replay);

/* The endpoint, for prtc_endpoint_log, prtc_endpoint_output (but for its recording) and for questions. It belongs to the
 * replay. */
PRTC_API prtc_endpoint *prtc_replay_endpoint(prtc_replay *replay);

PRTC_END_DECLS

#endif
