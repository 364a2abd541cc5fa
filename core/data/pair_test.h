/* Two ends of data channels over two associations and a simulated network (core/sctp/world_test.h).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DATA_PAIR_TEST_H
#define PRTC_DATA_PAIR_TEST_H

#include <polyrtc/data.h>

#include "core/sctp/world_test.h"

enum { HAPPENINGS = 20000 };

struct happening {
  uint32_t type, kind, flags;
  prtc_channel_id channel;
  int32_t code;
  size_t size;
  uint8_t *bytes;
};

struct end {
  prtc_data *data;
  bool deaf; /* fetches no events */
  struct happening happened[HAPPENINGS];
  size_t count;
};

struct pair {
  struct world *world;
  struct end ends[2]; /* 0 is the DTLS client */
  bool without_resets; /* the other side has no RFC 6525 */
};

static inline struct pair *pair_new(uint8_t seed, const prtc_sctp_config *sctp, const prtc_data_config *data) {
  struct pair *pair = calloc(1, sizeof *pair);
  PRTC_REQUIRE(pair != NULL);
  pair->world = world_new(seed, sctp);
  for (int i = 0; i < 2; i++) {
    pair->world->sides[i].deaf = true;
    pair->ends[i].data = prtc_data_new(pair->world->sides[i].context, data);
    PRTC_REQUIRE(pair->ends[i].data != NULL);
  }
  return pair;
}

static inline void pair_forget(struct pair *pair) {
  for (int i = 0; i < 2; i++) {
    for (size_t k = 0; k < pair->ends[i].count; k++) free(pair->ends[i].happened[k].bytes);
    pair->ends[i].count = 0;
  }
}

static inline void pair_free(struct pair *pair) {
  pair_forget(pair);
  for (int i = 0; i < 2; i++) prtc_data_free(pair->ends[i].data);
  world_free(pair->world);
  free(pair);
}

static inline void pair_listen(struct pair *pair, int which) {
  struct end *end = &pair->ends[which];
  prtc_sctp_event below;
  prtc_data_event event;
  if (end->deaf) return;
  do {
    int code;
    while ((code = prtc_data_event_next(end->data, &event)) > 0) {
      PRTC_REQUIRE(end->count < HAPPENINGS);
      struct happening *happening = &end->happened[end->count++];
      *happening = (struct happening){.type = event.type,
                                      .kind = event.kind,
                                      .flags = event.flags,
                                      .channel = event.channel,
                                      .code = event.code,
                                      .size = event.size};
      if (event.type == PRTC_DATA_EVENT_MESSAGE) {
        PRTC_REQUIRE(event.data != NULL);
        happening->bytes = malloc(event.size + 1);
        PRTC_REQUIRE(happening->bytes != NULL);
        memcpy(happening->bytes, event.data, event.size);
        happening->bytes[event.size] = 0;
      }
    }
    PRTC_CHECK_INT(code, 0);
    if (pair->world->sides[which].sctp == NULL || prtc_sctp_event_next(pair->world->sides[which].sctp, &below) <= 0) break;
    PRTC_CHECK(prtc_data_receive(end->data, &below) != PRTC_ERROR_AGAIN);
  } while (1);
}

static inline void pair_send(struct pair *pair, int which) {
  struct end *end = &pair->ends[which];
  struct world *world = pair->world;
  prtc_sctp_message message;
  uint32_t stream;
  if (world->sides[which].sctp == NULL) return;
  prtc_data_timeout(end->data, world->now);
  while (prtc_data_transmit(end->data, &message) > 0) {
    int code = prtc_sctp_send(world->sides[which].sctp, world->now, &message);
    if (code == PRTC_ERROR_AGAIN) break;
    PRTC_CHECK_INT(code, 0);
    prtc_data_transmitted(end->data, code);
  }
  while (prtc_data_reset(end->data, &stream) > 0) {
    int code = prtc_sctp_reset_stream(world->sides[which].sctp, world->now, stream);
    PRTC_CHECK_INT(code, pair->without_resets ? PRTC_ERROR_NOT_SUPPORTED : 0);
    if (code < 0) prtc_data_reset_failed(end->data, stream, code);
  }
}

static inline bool pair_step(struct pair *pair, prtc_time until) {
  for (int i = 0; i < 2; i++) {
    pair_listen(pair, i);
    pair_send(pair, i);
  }
  prtc_time next = until;
  for (int i = 0; i < 2; i++) {
    prtc_time deadline = prtc_data_deadline(pair->ends[i].data);
    if (deadline < next) next = deadline;
  }
  (void)world_step(pair->world, next);
  return pair->world->now < until;
}

static inline void pair_run(struct pair *pair, prtc_time duration) {
  prtc_time until = pair->world->now + duration;
  while (pair_step(pair, until)) {
  }
  for (int i = 0; i < 2; i++) pair_listen(pair, i);
}

static inline void pair_connect(struct pair *pair) {
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK_INT(prtc_data_set_role(pair->ends[i].data, i == 0), 0);
    PRTC_CHECK_INT(prtc_sctp_connect(pair->world->sides[i].sctp, pair->world->now), 0);
  }
  pair_run(pair, SECOND);
}

static inline const struct happening *pair_find(const struct pair *pair, int which, uint32_t type, size_t n) {
  for (size_t i = 0; i < pair->ends[which].count; i++) {
    if (pair->ends[which].happened[i].type == type && n-- == 0) return &pair->ends[which].happened[i];
  }
  return NULL;
}

static inline size_t pair_count(const struct pair *pair, int which, uint32_t type) {
  size_t count = 0;
  for (size_t i = 0; i < pair->ends[which].count; i++) count += pair->ends[which].happened[i].type == type;
  return count;
}

/* The letters of a side's events: C hannel, O pen, M essage, L ow, c losing, E rror, X closed. */
static inline const char *pair_story(const struct pair *pair, int which) {
  static char story[2][HAPPENINGS + 1];
  const struct end *end = &pair->ends[which];
  for (size_t i = 0; i < end->count; i++) story[which][i] = "?COMLcEX"[end->happened[i].type];
  story[which][end->count] = 0;
  return story[which];
}

static inline prtc_channel_id pair_create(struct pair *pair, int which, const char *label, int unordered) {
  prtc_channel_config config;
  prtc_channel_id id = 0;
  prtc_channel_config_init(&config);
  config.label = label;
  config.label_size = strlen(label);
  config.unordered = unordered != 0;
  PRTC_CHECK_INT(prtc_data_create_channel(pair->ends[which].data, &config, &id), 0);
  return id;
}

static inline prtc_channel_id pair_negotiate(struct pair *pair, int which, uint32_t stream) {
  prtc_channel_config config;
  prtc_channel_id id = 0;
  prtc_channel_config_init(&config);
  config.negotiated = 1;
  config.stream_id = stream;
  PRTC_CHECK_INT(prtc_data_create_channel(pair->ends[which].data, &config, &id), 0);
  return id;
}

static inline prtc_channel_info pair_info(const struct pair *pair, int which, prtc_channel_id id) {
  prtc_channel_info info;
  PRTC_INIT(&info);
  PRTC_CHECK_INT(prtc_data_channel_info(pair->ends[which].data, id, &info), 0);
  return info;
}

static inline int pair_text(struct pair *pair, int which, prtc_channel_id id, const char *text) {
  return prtc_data_send(pair->ends[which].data, pair->world->now, id, PRTC_MESSAGE_TEXT, (const uint8_t *)text,
                        strlen(text));
}

static inline int pair_binary(struct pair *pair, int which, prtc_channel_id id, const uint8_t *bytes, size_t size) {
  return prtc_data_send(pair->ends[which].data, pair->world->now, id, PRTC_MESSAGE_BINARY, bytes, size);
}

#endif
