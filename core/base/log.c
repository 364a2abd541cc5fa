/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/context.h"

static uint32_t level_of(const struct prtc_log *log, const char *layer) {
  for (uint32_t i = 0; i < log->layer_count; i++) {
    if (strcmp(log->layers[i].layer, layer) == 0) return log->layers[i].level;
  }
  return log->common;
}

static void set_layer(struct prtc_log *log, const char *layer, size_t size, uint32_t level) {
  uint32_t i = 0;
  while (i < log->layer_count && strcmp(log->layers[i].layer, layer) != 0) i++;
  if (i == PRTC_LOG_LAYERS) return;
  if (i == log->layer_count) log->layer_count++;
  memcpy(log->layers[i].layer, layer, size + 1);
  log->layers[i].level = level;
}

int prtc_log_set_level(struct prtc_context *context, const char *layer, uint32_t level) {
  struct prtc_log *log = &context->log;
  size_t size = layer == NULL ? 0 : strlen(layer);
  if (level > PRTC_LOG_TRACE || size >= sizeof log->layers[0].layer) return PRTC_ERROR_INVALID_ARGUMENT;
  if (layer == NULL) {
    log->common = level;
    log->layer_count = 0;
  } else {
    set_layer(log, layer, size, level);
  }
  log->level = log->common;
  for (uint32_t i = 0; i < log->layer_count; i++) {
    if (log->layers[i].level > log->level) log->level = log->layers[i].level;
  }
  return PRTC_OK;
}

void prtc_log_write(struct prtc_context *context, uint32_t level, const char *layer, const char *format, ...) {
  static const char *const levels[] = {"none", "error", "warning", "info", "debug", "trace"};
  struct prtc_log *log = &context->log;
  if (level > level_of(log, layer)) return;
  if (log->lines == NULL) {
    log->lines = prtc_allocate(context, (size_t)PRTC_LOG_LINES * PRTC_LOG_LINE_SIZE);
    if (log->lines == NULL) return; /* a line that cannot be kept is no reason to fail */
  }
  if (log->count == PRTC_LOG_LINES) {
    log->first = (log->first + 1) % PRTC_LOG_LINES;
    log->count--;
    log->lost++;
  }
  char *line = log->lines[(log->first + log->count++) % PRTC_LOG_LINES];
  int size = snprintf(line, PRTC_LOG_LINE_SIZE, "%llu.%06llu %s %s %llu: ", (unsigned long long)(log->now / 1000000),
                      (unsigned long long)(log->now % 1000000), levels[level < 6 ? level : 5], layer,
                      (unsigned long long)log->peer);
  if (size < 0 || size >= PRTC_LOG_LINE_SIZE) return;
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(line + size, (size_t)(PRTC_LOG_LINE_SIZE - size), format, arguments);
  va_end(arguments);
  for (char *c = line; *c != '\0'; c++) {
    if (*c == '\n' || *c == '\r') *c = ' '; /* remote text must not be able to forge a line */
  }
}

int prtc_log_read(struct prtc_context *context, char *out, size_t capacity) {
  struct prtc_log *log = &context->log;
  if (log->lost > 0) {
    int size = snprintf(out, capacity, "%llu.%06llu warning log 0: %llu lines were lost",
                        (unsigned long long)(log->now / 1000000), (unsigned long long)(log->now % 1000000),
                        (unsigned long long)log->lost);
    if (size < 0 || (size_t)size >= capacity) return PRTC_ERROR_BUFFER_TOO_SMALL;
    log->lost = 0;
    return size;
  }
  if (log->count == 0) return 0;
  const char *line = log->lines[log->first];
  size_t size = strlen(line);
  if (size >= capacity) return PRTC_ERROR_BUFFER_TOO_SMALL;
  memcpy(out, line, size + 1);
  log->first = (log->first + 1) % PRTC_LOG_LINES;
  log->count--;
  return (int)size;
}
