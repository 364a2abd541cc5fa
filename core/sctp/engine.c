/* usrsctp's environment, see engine.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef __wasm__
#include <setjmp.h>
#endif

#include "core/sctp/crc32c.h"
#include "core/sctp/engine.h"
#include "core/sctp/usrsctp.h"

/* --------------------------------------------------------------------------------------------------------------- memory */

/* Stands before each piece of memory. All of a stack's blocks are in one list, to be given back at once. Those
 * that are free and small wait in a list of their size for their next use: usrsctp allocates several a packet. */
struct block {
  struct block *next, *previous;
  size_t size;
};

/* In place of what is in a block that waits. */
struct waiting {
  struct block *next;
};

/* Sizes are multiples of 64 bytes up to 2,560, then of 1,024 up to what a piece of a message takes. KEPT_BYTES: what is in
 * flight through a full window. FEW: what a heartbeat and its answer take. MANY: more than what setting up takes. */
enum { SMALL_STEP = 64, SMALL_MAX = 2560, LARGE_STEP = 1024, LARGE_MAX = 20 * 1024, KEPT_BYTES = 2 * 1024 * 1024, FEW = 32, MANY = 256 };
enum { CLASSES = SMALL_MAX / SMALL_STEP + LARGE_MAX / LARGE_STEP };

#if defined(__SANITIZE_ADDRESS__)
#define KEEP_BLOCKS 0 /* AddressSanitizer is to see each use after free */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_BLOCKS 0
#endif
#endif
#ifndef KEEP_BLOCKS
#define KEEP_BLOCKS 1
#endif

struct prtc_engine {
  struct prtc_sctp_globals globals; /* first: see the shim */
  struct prtc_context *context;
  struct sctp_base_info base;
  struct iterator_control iterator;
  prtc_engine_output *output;
  void *user;
  prtc_time epoch, now;
  struct calloutlist timers; /* by time, then in the order in which they were started */
  struct block *blocks;
  struct block *kept[CLASSES];
  size_t kept_bytes, used_bytes;
  unsigned taken;        /* blocks, since the last time-out */
  bool idle;             /* from the start, or since a time-out before which they were few, and until they are many: blocks do
                            not wait for their next use */
  bool failed;
#ifndef __wasm__
  jmp_buf *no_memory; /* where the run at hand ends */
#endif
};

static struct prtc_engine *entered(void) { return (struct prtc_engine *)prtc_entered->sctp_stack; }

void *prtc_engine_user(void) { return entered()->user; }

_Noreturn static void end_run(struct prtc_engine *engine) {
  engine->failed = true;
#ifdef __wasm__
  abort(); /* WASI has no longjmp: the instance ends */
#else
  longjmp(*engine->no_memory, 1);
#endif
}

static void link_block(struct prtc_engine *engine, struct block *block) {
  block->previous = NULL;
  block->next = engine->blocks;
  if (block->next != NULL) block->next->previous = block;
  engine->blocks = block;
}

static void unlink_block(struct prtc_engine *engine, struct block *block) {
  if (block->next != NULL) block->next->previous = block->previous;
  if (block->previous != NULL) {
    block->previous->next = block->next;
  } else {
    engine->blocks = block->next;
  }
}

static struct block *next_waiting(const struct block *block) {
  return ((const struct waiting *)(const void *)(block + 1))->next;
}

static size_t rounded(size_t size) {
  size_t step = size <= SMALL_MAX ? SMALL_STEP : LARGE_STEP;
  if (!KEEP_BLOCKS || size > LARGE_MAX) return size;
  return size == 0 ? SMALL_STEP : (size + step - 1) / step * step;
}

/* The list in which a block of a rounded size waits; NULL when it does not. */
static struct block **kept_of(struct prtc_engine *engine, size_t size) {
  if (!KEEP_BLOCKS || size > LARGE_MAX) return NULL;
  return &engine->kept[size <= SMALL_MAX ? size / SMALL_STEP - 1 : SMALL_MAX / SMALL_STEP + size / LARGE_STEP - 1];
}

void *prtc_sctp_malloc(size_t size) {
  struct prtc_engine *engine = entered();
  if (size > SIZE_MAX / 2) end_run(engine);
  size = rounded(size);
  struct block **kept = kept_of(engine, size), *block = kept != NULL ? *kept : NULL;
  if (block != NULL) {
    *kept = next_waiting(block);
    engine->kept_bytes -= size;
  } else {
    block = engine->context->allocator.allocate(engine->context->allocator.context, sizeof *block + size);
    if (block == NULL) end_run(engine);
    block->size = size;
    link_block(engine, block);
  }
  engine->used_bytes += size;
  if (++engine->taken == MANY) engine->idle = false;
  return block + 1;
}

void *prtc_sctp_calloc(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) end_run(entered());
  void *pointer = prtc_sctp_malloc(count * size);
  memset(pointer, 0, count * size);
  return pointer;
}

void prtc_sctp_release(void *pointer) {
  if (pointer == NULL) return;
  struct prtc_engine *engine = entered();
  struct block *block = (struct block *)pointer - 1, **kept = kept_of(engine, block->size);
  engine->used_bytes -= block->size;
  if (kept != NULL && !engine->idle && engine->kept_bytes + block->size <= KEPT_BYTES) {
    *(struct waiting *)pointer = (struct waiting){*kept};
    *kept = block;
    engine->kept_bytes += block->size;
  } else {
    unlink_block(engine, block);
    engine->context->allocator.release(engine->context->allocator.context, block);
  }
}

/* Gives back the blocks that wait for their next use. */
static void give_back(struct prtc_engine *engine) {
  for (size_t i = 0; i < CLASSES; i++) {
    for (struct block *block = engine->kept[i], *next; block != NULL; block = next) {
      next = next_waiting(block);
      unlink_block(engine, block);
      engine->context->allocator.release(engine->context->allocator.context, block);
    }
    engine->kept[i] = NULL;
  }
  engine->kept_bytes = 0;
}

size_t prtc_engine_memory(const struct prtc_engine *engine) { return engine->used_bytes; }

/* ----------------------------------------------------------------------------------------------------- the stack itself */

int prtc_engine_run(struct prtc_engine *engine, void (*work)(void *argument), void *argument) {
  if (engine->failed) return PRTC_ERROR_NO_MEMORY;
  struct prtc_context *previous = prtc_enter(engine->context);
  void *previous_stack = engine->context->sctp_stack;
  engine->context->sctp_stack = engine;
#ifdef __wasm__
  work(argument);
#else
  jmp_buf no_memory;
  engine->no_memory = &no_memory;
  if (setjmp(no_memory) == 0) work(argument);
  engine->no_memory = NULL;
#endif
  engine->context->sctp_stack = previous_stack;
  prtc_leave(previous);
  return engine->failed ? PRTC_ERROR_NO_MEMORY : 0;
}

static int output(void *address, void *packet, size_t size, uint8_t tos, uint8_t set_df) {
  struct prtc_engine *engine = entered();
  (void)address, (void)tos, (void)set_df;
  engine->output(engine->user, packet, size);
  return 0;
}

static void start(void *argument) {
  (void)argument;
  usrsctp_init_nothreads(0, output, NULL);
  usrsctp_enable_crc32c_offload(); /* checksums are made and checked around it: association.c and sctp.c */
}

struct prtc_engine *prtc_engine_new(prtc_context *context, prtc_time now, prtc_engine_output *output_packet, void *user) {
  struct prtc_engine *engine = prtc_allocate(context, sizeof *engine);
  if (engine == NULL) return NULL;
  engine->globals.base = &engine->base;
  engine->globals.iterator = &engine->iterator;
  engine->context = context;
  engine->output = output_packet;
  engine->user = user;
  engine->epoch = engine->now = now;
  engine->idle = true;
  TAILQ_INIT(&engine->timers);
  if (prtc_engine_run(engine, start, NULL) < 0) {
    prtc_engine_free(engine);
    return NULL;
  }
  return engine;
}

void prtc_engine_free(struct prtc_engine *engine) {
  if (engine == NULL) return;
  struct prtc_context *context = engine->context;
  for (struct block *block = engine->blocks, *next; block != NULL; block = next) {
    next = block->next;
    context->allocator.release(context->allocator.context, block);
  }
  prtc_release(context, engine);
}

/* ------------------------------------------------------------------------------------------------------ time and timers */

static uint64_t milliseconds(const struct prtc_engine *engine) { return (engine->now - engine->epoch) / 1000; }

static uint32_t ticks(const struct prtc_engine *engine) { return (uint32_t)milliseconds(engine); }

/* Ticks wrap around after 49 days; timers are never that far apart. */
static bool is_later(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; }

void prtc_engine_set_time(struct prtc_engine *engine, prtc_time now) {
  if (now > engine->now) engine->now = now;
}

prtc_time prtc_engine_now(const struct prtc_engine *engine) { return engine->now; }

prtc_time prtc_engine_deadline(const struct prtc_engine *engine) {
  const sctp_os_timer_t *first = TAILQ_FIRST(&engine->timers);
  if (first == NULL || engine->failed) return PRTC_NEVER;
  int64_t due = (int64_t)milliseconds(engine) + (int32_t)(first->c_time - ticks(engine));
  return engine->epoch + (prtc_time)due * 1000;
}

static void fire(void *argument) {
  struct prtc_engine *engine = argument;
  sctp_os_timer_t *timer;
  /* What a timer starts is due a tick later at the earliest: this ends. */
  while ((timer = TAILQ_FIRST(&engine->timers)) != NULL && !is_later(timer->c_time, ticks(engine))) {
    TAILQ_REMOVE(&engine->timers, timer, tqe);
    timer->c_flags &= ~SCTP_CALLOUT_PENDING;
    timer->c_func(timer->c_arg);
  }
}

int prtc_engine_timeout(struct prtc_engine *engine, bool *idle) {
  *idle = false;
  if (prtc_engine_deadline(engine) > engine->now) return engine->failed ? PRTC_ERROR_NO_MEMORY : 0;
  int code = prtc_engine_run(engine, fire, engine);
  *idle = engine->idle = engine->taken < FEW;
  engine->taken = 0;
  if (*idle) give_back(engine);
  return code;
}

int prtc_sctp_gettimeofday(struct timeval *tv) {
  prtc_time now = entered()->now;
  tv->tv_sec = (time_t)(now / 1000000);
  tv->tv_usec = (suseconds_t)(now % 1000000);
  return 0;
}

uint32_t sctp_get_tick_count(void) { return ticks(entered()); }

void sctp_os_timer_init(sctp_os_timer_t *timer) { memset(timer, 0, sizeof *timer); }

int sctp_os_timer_start(sctp_os_timer_t *timer, uint32_t delay, void (*function)(void *), void *argument) {
  struct prtc_engine *engine = entered();
  int was_pending = (timer->c_flags & SCTP_CALLOUT_PENDING) != 0;
  if (was_pending) TAILQ_REMOVE(&engine->timers, timer, tqe);
  if (delay == 0) delay = 1;
  if (delay > INT32_MAX / 2) delay = INT32_MAX / 2;
  timer->c_arg = argument;
  timer->c_func = function;
  timer->c_flags = SCTP_CALLOUT_ACTIVE | SCTP_CALLOUT_PENDING;
  timer->c_time = ticks(engine) + delay;
  /* An association has about ten timers: a sorted list is enough. */
  sctp_os_timer_t *before = TAILQ_LAST(&engine->timers, calloutlist);
  while (before != NULL && is_later(before->c_time, timer->c_time)) before = TAILQ_PREV(before, calloutlist, tqe);
  if (before != NULL) {
    TAILQ_INSERT_AFTER(&engine->timers, before, timer, tqe);
  } else {
    TAILQ_INSERT_HEAD(&engine->timers, timer, tqe);
  }
  return was_pending;
}

int sctp_os_timer_stop(sctp_os_timer_t *timer) {
  int was_pending = (timer->c_flags & SCTP_CALLOUT_PENDING) != 0;
  if (was_pending) TAILQ_REMOVE(&entered()->timers, timer, tqe);
  timer->c_flags &= ~(SCTP_CALLOUT_ACTIVE | SCTP_CALLOUT_PENDING);
  return was_pending;
}

void sctp_handle_tick(uint32_t elapsed) { (void)elapsed; } /* for usrsctp_handle_timers, which is not called */
void sctp_start_timer_thread(void) {}
void sctp_stop_timer_thread(void) {}

/* ---------------------------------------------------------------------------------------------- randomness and checksum */

void init_random(void) {}
void finish_random(void) {}
void read_random(void *out, size_t size) { prtc_random_bytes(&prtc_entered->random, out, size); }

/* Of no use while checksums are "offloaded" (see start), but referred to. */
uint32_t calculate_crc32c(uint32_t crc, const unsigned char *data, unsigned int size) {
  return prtc_crc32c_portable(crc, data, size);
}

uint32_t sctp_finalize_crc32c(uint32_t crc) {
  crc = ~crc;
  uint8_t bytes[4] = {(uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16), (uint8_t)(crc >> 24)};
  memcpy(&crc, bytes, 4);
  return crc;
}

uint32_t sctp_calculate_cksum(struct mbuf *m, uint32_t offset) {
  uint32_t crc = UINT32_MAX;
  for (; m != NULL; m = m->m_next) {
    uint32_t length = (uint32_t)m->m_len;
    if (offset < length) crc = prtc_crc32c_portable(crc, (const uint8_t *)m->m_data + offset, length - offset);
    offset = offset > length ? offset - length : 0;
  }
  return sctp_finalize_crc32c(crc);
}
