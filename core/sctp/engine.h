/* What usrsctp takes from its environment: memory, time, timers and randomness, for one stack. This stands in for usrsctp's
 * own sctp_callout.c, user_environment.c and sctp_crc32.c; third_party/usrsctp_shim.h does the rest.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A stack is one usrsctp with all its state. Code that calls into usrsctp is run by prtc_engine_run, which makes the stack
 * the entered one and catches the lack of memory: usrsctp's allocations never return NULL to it, they end the run. A stack
 * that ran out of memory is never entered again. Its memory, like that of any stack, is given back as a whole by
 * prtc_engine_free: nothing in usrsctp has to be closed in order.
 */
#ifndef PRTC_SCTP_ENGINE_H
#define PRTC_SCTP_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyrtc/types.h>

struct prtc_engine;

/* Takes a packet that usrsctp sends; called within a run. It is memory of prtc_sctp_packet (usrsctp_shim.h) and is to be
 * freed with prtc_sctp_packet_free. Its checksum field is zero. */
typedef void prtc_engine_output(void *user, uint8_t *packet, size_t size);

/* NULL when memory is lacking. */
struct prtc_engine *prtc_engine_new(prtc_context *context, prtc_time now, prtc_engine_output *output, void *user);
void prtc_engine_free(struct prtc_engine *engine);

/* Calls work(argument) inside the stack. 0, or PRTC_ERROR_NO_MEMORY, now or in an earlier run. */
int prtc_engine_run(struct prtc_engine *engine, void (*work)(void *argument), void *argument);

/* The `user` of the stack that is entered. */
void *prtc_engine_user(void);

/* Memory of the stack; within a run only. Never NULL. Freed with prtc_sctp_release (or with the engine). */
void *prtc_sctp_malloc(size_t size);
void *prtc_sctp_calloc(size_t count, size_t size);
void prtc_sctp_release(void *pointer);

/* Bytes that usrsctp holds now. */
size_t prtc_engine_memory(const struct prtc_engine *engine);

/* Moves the clock (never back). */
void prtc_engine_set_time(struct prtc_engine *engine, prtc_time now);
prtc_time prtc_engine_now(const struct prtc_engine *engine);
prtc_time prtc_engine_deadline(const struct prtc_engine *engine); /* PRTC_NEVER when no timer runs */
/* Fires the timers that are due, in their order. *idle: there were some, and next to nothing else has happened since the
 * last ones. */
int prtc_engine_timeout(struct prtc_engine *engine, bool *idle);

#endif
