/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/context.h"

void prtc_log_write(struct prtc_context *context, uint32_t level, const char *layer, const char *format, ...) {
  static const char *const levels[] = {"none", "error", "warning", "info", "debug", "trace"};
  struct prtc_log *log = &context->log;
  if (level > log->level) return;
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
    int size = snprintf(out, capacity, "%llu lines were lost", (unsigned long long)log->lost);
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
