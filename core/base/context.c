/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/context.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/config.h"

_Thread_local struct prtc_context *prtc_entered;

static void *process_allocate(void *unused, size_t size) {
  (void)unused;
  return malloc(size);
}
static void *process_reallocate(void *unused, void *pointer, size_t size) {
  (void)unused;
  return realloc(pointer, size);
}
static void process_release(void *unused, void *pointer) {
  (void)unused;
  free(pointer);
}

int prtc_context_init(struct prtc_context *context, const uint8_t seed[32], const prtc_allocator *allocator,
                      uint32_t log_level) {
  memset(context, 0, sizeof *context);
  if (allocator != NULL) {
    context->allocator = *allocator;
  } else {
    context->allocator = (prtc_allocator){NULL, process_allocate, process_reallocate, process_release};
  }
  prtc_random_init(&context->random, seed);
  prtc_log_set_level(context, NULL, log_level);
  return PRTC_OK;
}

void prtc_context_clear(struct prtc_context *context) {
  prtc_sink_clear(context, &context->keys);
  prtc_sink_clear(context, &context->capture.sink);
  prtc_sink_clear(context, &context->recording.sink);
  prtc_release(context, context->log.lines);
  context->log.lines = NULL;
  prtc_random_clear(&context->random);
  if (prtc_entered == context) prtc_entered = NULL;
}

prtc_context *prtc_context_new(const prtc_context_config *given) {
  prtc_context_config complete, *config = &complete;
  if (!prtc_config_copy(config, sizeof *config, given)) return NULL;
  void *memory = config->allocator != NULL
                     ? config->allocator->allocate(config->allocator->context, sizeof(struct prtc_context))
                     : malloc(sizeof(struct prtc_context));
  if (memory == NULL) return NULL;
  prtc_context_init(memory, config->seed, config->allocator, config->log_level);
  return memory;
}

void prtc_context_free(prtc_context *context) {
  if (context == NULL) return;
  prtc_context_clear(context);
  prtc_allocator allocator = context->allocator;
  allocator.release(allocator.context, context);
}

void *prtc_allocate(struct prtc_context *context, size_t size) {
  void *memory = context->allocator.allocate(context->allocator.context, size);
  if (memory != NULL) memset(memory, 0, size);
  return memory;
}

void *prtc_reallocate(struct prtc_context *context, void *pointer, size_t size) {
  if (pointer == NULL) return context->allocator.allocate(context->allocator.context, size);
  return context->allocator.reallocate(context->allocator.context, pointer, size);
}

void prtc_release(struct prtc_context *context, void *pointer) {
  if (pointer != NULL) context->allocator.release(context->allocator.context, pointer);
}

char *prtc_copy_text(struct prtc_context *context, const char *text, size_t size) {
  char *copy = prtc_allocate(context, size + 1);
  if (copy != NULL && size > 0) memcpy(copy, text, size);
  return copy;
}
