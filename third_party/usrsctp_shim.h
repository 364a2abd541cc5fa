/* Included before every file of usrsctp (gcc -include): makes an engine of it that has no thread, lock, clock, allocator or
 * state of its own and that can exist many times in one process. (What is mended in usrsctp itself is in usrsctp-*.patch.)
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usrsctp keeps its state in a few globals. Here they are members of a stack, found through the context that is entered on
 * this thread (core/base/context.h). core/sctp defines what is only declared here.
 */
#ifndef POLYRTC_USRSCTP_SHIM_H
#define POLYRTC_USRSCTP_SHIM_H
#pragma GCC system_header /* GNU C, as usrsctp itself */

#include <errno.h>
#include <pthread.h> /* the real declarations first: below they become macros */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "core/base/context.h"

struct sctp_base_info;
struct iterator_control;
struct sctp_tcb;

/* What usrsctp has as globals. core/sctp/engine.c begins its stack with it. */
struct prtc_sctp_globals {
  struct sctp_base_info *base;
  struct iterator_control *iterator;
  size_t zone_mbuf, zone_clust, zone_ext_refcnt; /* sizes of the pieces that are allocated */
  uint8_t *packet; /* that data is being copied to: see usrsctp-output.patch */
  uint32_t packet_size, packet_space;
};

static inline __attribute__((always_inline)) struct prtc_sctp_globals *prtc_sctp_globals(void) {
  return (struct prtc_sctp_globals *)prtc_entered->sctp_stack;
}

/* Functions without a prototype, on purpose: usrsctp's lines `extern struct sctp_base_info system_base_info;` and
 * `struct sctp_base_info system_base_info;` expand to harmless declarations of these functions. */
static inline __attribute__((always_inline)) struct sctp_base_info *prtc_sctp_base() { return prtc_sctp_globals()->base; }
static inline __attribute__((always_inline)) struct iterator_control *prtc_sctp_iterator() {
  return prtc_sctp_globals()->iterator;
}
static inline __attribute__((always_inline)) size_t *prtc_sctp_zone_mbuf() { return &prtc_sctp_globals()->zone_mbuf; }
static inline __attribute__((always_inline)) size_t *prtc_sctp_zone_clust() { return &prtc_sctp_globals()->zone_clust; }
static inline __attribute__((always_inline)) size_t *prtc_sctp_zone_ext_refcnt() {
  return &prtc_sctp_globals()->zone_ext_refcnt;
}
#define system_base_info (*prtc_sctp_base())
#define sctp_it_ctl (*prtc_sctp_iterator())
#define zone_mbuf (*prtc_sctp_zone_mbuf())
#define zone_clust (*prtc_sctp_zone_clust())
#define zone_ext_refcnt (*prtc_sctp_zone_ext_refcnt())

/* Memory is the stack's; these never return NULL. */
void *prtc_sctp_malloc(size_t size);
void *prtc_sctp_calloc(size_t count, size_t size);
void prtc_sctp_release(void *pointer);
#define malloc(size) prtc_sctp_malloc(size)
#define calloc(count, size) prtc_sctp_calloc(count, size)
#define free(pointer) prtc_sctp_release(pointer)

/* Memory for a packet, which the stack's output takes over. */
uint8_t *prtc_sctp_packet(uint32_t space);
void prtc_sctp_packet_free(uint8_t *packet);

/* A packet that has come leaves something to be sent. 1: it is sent when the caller asks for packets; 0: now. */
int prtc_sctp_output_waits(struct sctp_tcb *tcb);

/* Time is what the stack was last told. */
int prtc_sctp_gettimeofday(struct timeval *tv);
#define gettimeofday(tv, zone) prtc_sctp_gettimeofday(tv)

/* One stack is used by one thread at a time: no threads, no locks. */
#define pthread_create(thread, attributes, start, argument) ((void)(start), 0)
#define pthread_join(thread, result) (0)
#define pthread_mutex_init(mutex, attributes) (0)
#define pthread_mutex_destroy(mutex) (0)
#define pthread_mutex_lock(mutex) (0)
#define pthread_mutex_trylock(mutex) (0)
#define pthread_mutex_unlock(mutex) (0)
#define pthread_mutexattr_init(attributes) (0)
#define pthread_mutexattr_destroy(attributes) (0)
#define pthread_mutexattr_settype(attributes, type) (0)
#define pthread_rwlock_init(lock, attributes) (0)
#define pthread_rwlock_destroy(lock) (0)
#define pthread_rwlock_rdlock(lock) (0)
#define pthread_rwlock_wrlock(lock) (0)
#define pthread_rwlock_tryrdlock(lock) (0)
#define pthread_rwlock_trywrlock(lock) (0)
#define pthread_rwlock_unlock(lock) (0)
#define pthread_rwlockattr_init(attributes) (0)
#define pthread_rwlockattr_destroy(attributes) (0)
#define pthread_cond_init(condition, attributes) (0)
#define pthread_cond_destroy(condition) (0)
#define pthread_cond_signal(condition) (0)
#define pthread_cond_broadcast(condition) (0)
#define pthread_cond_wait(condition, mutex) (abort(), 0) /* only a blocking socket comes here, and there is none */

/* No second thread, so no atomic operations. */
#include "user_atomic.h"
#undef atomic_add_int
#undef atomic_subtract_int
#undef atomic_fetchadd_int
#undef atomic_cmpset_int
#define atomic_add_int(P, V) ((void)(*(P) += (V)))
#define atomic_subtract_int(P, V) ((void)(*(P) -= (V)))
#define atomic_fetchadd_int(P, V)   \
  ({                                \
    __typeof__(P) p_ = (P);         \
    __typeof__(*p_) old_ = *p_;     \
    *p_ = old_ + (V);               \
    old_;                           \
  })
#define atomic_cmpset_int(P, EXPECTED, V) \
  ({                                      \
    __typeof__(P) p_ = (P);               \
    int same_ = (*p_ == (EXPECTED));      \
    if (same_) *p_ = (V);                 \
    same_;                                \
  })

#endif
