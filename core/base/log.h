/* Log lines, kept until a driver or binding polls them (prtc_endpoint_log). Nothing in the core prints.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_LOG_H
#define PRTC_BASE_LOG_H

#include <polyrtc/endpoint.h>
#include <polyrtc/types.h>

#define PRTC_LOG_LINES 256
#define PRTC_LOG_LINE_SIZE 256

struct prtc_context;

#define PRTC_LOG_LAYERS 16

struct prtc_log {
  uint32_t level;           /* of the layer that tells most */
  uint32_t common;          /* of layers that have none of their own */
  struct {
    char layer[12];
    uint32_t level;
  } layers[PRTC_LOG_LAYERS];
  uint32_t layer_count;
  uint32_t first, count;    /* of the ring */
  uint64_t lost;            /* lines that fell out unread */
  prtc_time now;            /* stamps the lines; the endpoint keeps it current */
  prtc_peer_id peer;        /* the peer being driven, 0 outside */
  char (*lines)[PRTC_LOG_LINE_SIZE]; /* allocated when the first line comes */
};

/* printf-like; %s %d %u %llu %zu and the like (vsnprintf). Lines over the level cost one comparison. */
void prtc_log_write(struct prtc_context *context, uint32_t level, const char *layer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define PRTC_LOG(to, at, layer, ...)                                                  \
  do {                                                                                \
    if ((at) <= (to)->log.level) prtc_log_write((to), (at), (layer), __VA_ARGS__);    \
  } while (0)

/* See prtc_endpoint_set_log_level. */
int prtc_log_set_level(struct prtc_context *context, const char *layer, uint32_t level);

/* Takes the oldest line: its length, 0 when there is none, PRTC_ERROR_BUFFER_TOO_SMALL. */
int prtc_log_read(struct prtc_context *context, char *out, size_t capacity);

#endif
