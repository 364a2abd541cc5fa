/* What an endpoint lends to all of its layers: memory, randomness, and where they say what they do. And the one
 * thread-local pointer of the core.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_CONTEXT_H
#define PRTC_BASE_CONTEXT_H

#include <polyrtc/types.h>

#include "core/base/capture.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/recording.h"
#include "core/base/sink.h"

struct prtc_arena;

struct prtc_context {
  prtc_allocator allocator;
  struct prtc_random random;
  struct prtc_log log;
  struct prtc_sink keys;       /* TLS key log */
  struct prtc_capture capture; /* decrypted traffic */
  struct prtc_recording recording;/* inputs */
  struct prtc_arena *batch; /* while events are fetched: what lives as long as they do. Else NULL */
  void *sctp_stack; /* the usrsctp stack that is entered; only core/sctp and its shim use it */
};

/* BoringSSL, libnice and usrsctp have no parameter for randomness (usrsctp neither for time nor for its own state): they
 * draw on the context that is entered on this thread. Whoever calls into them enters first and leaves with what it
 * found. */
extern _Thread_local struct prtc_context *prtc_entered;

static inline struct prtc_context *prtc_enter(struct prtc_context *context) {
  struct prtc_context *previous = prtc_entered;
  prtc_entered = context;
  return previous;
}

static inline void prtc_leave(struct prtc_context *previous) { prtc_entered = previous; }

/* Zeroed memory, or NULL. Freed with prtc_release of the same context. */
void *prtc_allocate(struct prtc_context *context, size_t size);
void *prtc_reallocate(struct prtc_context *context, void *pointer, size_t size); /* the new part is not zeroed */
void prtc_release(struct prtc_context *context, void *pointer);                  /* NULL is allowed */

/* A NUL-terminated copy, or NULL. */
char *prtc_copy_text(struct prtc_context *context, const char *text, size_t size);

/* For an object that is embedded (an endpoint's): the parts of prtc_context_new and prtc_context_free. */
int prtc_context_init(struct prtc_context *context, const uint8_t seed[32], const prtc_allocator *allocator,
                      uint32_t log_level);
void prtc_context_clear(struct prtc_context *context);

#endif
