/* The TURN client: its life, verbs and events.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/config.h"
#include "core/base/text.h"
#include "core/turn/internal.h"

/* An Allocate with all its challenges. */
static const prtc_time allocate_patience = SECONDS(20);

/* Giving back: nobody waits for longer than this. */
static const prtc_time release_patience = SECONDS(1);

/* RFC 8445 section 11: NATs on the way to the server keep their mapping when something is sent every 15 s. */
static const prtc_time keepalive_interval = SECONDS(15);

/* ----------------------------------------------------------------------------------------------------------------- life */

static bool is_acceptable(const prtc_turn_config *config) {
  bool protocol = config->protocol >= PRTC_RELAY_UDP && config->protocol <= PRTC_RELAY_TLS;
  uint32_t family = config->family;
  bool known = family == PRTC_FAMILY_NONE || family == PRTC_FAMILY_IPV4 || family == PRTC_FAMILY_IPV6;
  return protocol && known && config->username != NULL && config->credential != NULL &&
         strlen(config->username) <= MAX_USERNAME;
}

prtc_turn *prtc_turn_new(prtc_context *context, const prtc_turn_config *given) {
  prtc_turn_config config;
  if (context == NULL || !prtc_config_copy(&config, sizeof config, given) || !is_acceptable(&config)) return NULL;
  struct prtc_turn *turn = prtc_allocate(context, sizeof *turn);
  if (turn == NULL) return NULL;
  turn->context = context;
  turn->protocol = config.protocol;
  turn->family = config.family;
  turn->lifetime = config.lifetime;
  turn->deadline = turn->give_up = turn->refresh = PRTC_NEVER;
  prtc_queue_init(&turn->events, context, sizeof(struct turn_event), MAX_EVENTS);
  turn->credentials.username = prtc_copy_text(context, config.username, strlen(config.username));
  turn->credentials.password = prtc_copy_text(context, config.credential, strlen(config.credential));
  if (turn->credentials.username == NULL || turn->credentials.password == NULL) {
    prtc_turn_free(turn);
    return NULL;
  }
  return turn;
}

void prtc_turn_free(prtc_turn *turn) {
  if (turn == NULL) return;
  prtc_turn_clear_credentials(turn);
  prtc_queue_clear(&turn->events);
  prtc_release(turn->context, turn->permissions);
  prtc_release(turn->context, turn->channels);
  prtc_release(turn->context, turn->frame);
  prtc_release(turn->context, turn);
}

bool prtc_turn_is_stream(const struct prtc_turn *turn) { return turn->protocol != PRTC_RELAY_UDP; }

int prtc_turn_get_state(const prtc_turn *turn) { return (int)turn->state; }

int prtc_turn_start(prtc_turn *turn, prtc_time now) {
  prtc_turn_set_now(turn, now);
  if (turn->state != PRTC_TURN_NEW) return PRTC_ERROR_INVALID_STATE;
  turn->state = PRTC_TURN_ALLOCATING;
  turn->give_up = turn->now + allocate_patience;
  (void)prtc_turn_begin(turn, TURN_ALLOCATE, 0);
  prtc_turn_step(turn);
  return 0;
}

int prtc_turn_close(prtc_turn *turn, prtc_time now) {
  prtc_turn_set_now(turn, now);
  if (turn->state >= PRTC_TURN_CLOSING) return 0;
  /* Also while it is asked for: the server may have allocated already. */
  bool asked = turn->state == PRTC_TURN_ALLOCATING && turn->credentials.generation != 0;
  bool may_exist = asked || turn->state == PRTC_TURN_ALLOCATED;
  for (size_t i = 0; i < MAX_REQUESTS; i++) turn->requests[i].active = false;
  if (may_exist) {
    turn->state = PRTC_TURN_CLOSING;
    turn->give_up = turn->now + release_patience;
    (void)prtc_turn_begin(turn, TURN_RELEASE, 0);
  } else {
    prtc_turn_end(turn, &(struct turn_event){.type = PRTC_TURN_EVENT_CLOSED});
  }
  prtc_turn_step(turn);
  return 0;
}

int prtc_turn_verify(prtc_turn *turn, prtc_time now) {
  prtc_turn_set_now(turn, now);
  if (turn->state != PRTC_TURN_ALLOCATED) return PRTC_ERROR_INVALID_STATE;
  turn->refresh = turn->now;
  turn->verifying = true;
  prtc_turn_step(turn);
  return 0;
}

int prtc_turn_is_verifying(const prtc_turn *turn) { return turn->state == PRTC_TURN_ALLOCATED && turn->verifying; }

/* --------------------------------------------------------------------------------------------------------------- events */

void prtc_turn_push(struct prtc_turn *turn, const struct turn_event *event) {
  bool news = event->type == PRTC_TURN_EVENT_PEER_REFUSED; /* leaves room for the two that come at most once each */
  if (news && turn->events.count >= MAX_EVENTS - 2) return;
  if (prtc_queue_push(&turn->events, event) < 0) {
    PRTC_LOG(turn->context, PRTC_LOG_ERROR, "turn", "an event of type %u was lost: no memory", event->type);
  }
}

void prtc_turn_end(struct prtc_turn *turn, const struct turn_event *event) {
  if (turn->state == PRTC_TURN_CLOSED) return;
  turn->state = PRTC_TURN_CLOSED;
  for (size_t i = 0; i < MAX_REQUESTS; i++) turn->requests[i].active = false;
  turn->has_ready = turn->keepalive = false;
  turn->give_up = turn->refresh = PRTC_NEVER;
  prtc_turn_push(turn, event);
}

void prtc_turn_fail(struct prtc_turn *turn, int code, const char *text) {
  PRTC_LOG(turn->context, PRTC_LOG_INFO, "turn", "failed: %s (%d)", text, code);
  prtc_turn_end(turn, &(struct turn_event){.type = PRTC_TURN_EVENT_FAILED, .code = code, .text = text});
}

int prtc_turn_event_next(prtc_turn *turn, prtc_turn_event *out) {
  struct turn_event event;
  if (!prtc_queue_pop(&turn->events, &event)) return 0;
  *out = (prtc_turn_event){.type = event.type, .code = event.code};
  if (event.type == PRTC_TURN_EVENT_ALLOCATED) {
    memcpy(out->relayed, turn->relayed, sizeof out->relayed);
    out->mapped = turn->mapped;
  }
  if (event.type == PRTC_TURN_EVENT_PEER_REFUSED) out->peer = event.address;
  if (event.type == PRTC_TURN_EVENT_REDIRECTED) {
    out->alternate = event.address;
    memcpy(out->domain, turn->domain, sizeof out->domain);
  }
  if (event.text != NULL) {
    struct prtc_text text = prtc_text_of(out->text, sizeof out->text);
    prtc_text_print(&text, "%s", event.text);
  }
  return 1;
}

/* ----------------------------------------------------------------------------------------------------------------- time */

void prtc_turn_set_now(struct prtc_turn *turn, prtc_time now) {
  if (now > turn->now && now != PRTC_NEVER) turn->now = now;
}

static prtc_time earlier(prtc_time a, prtc_time b) { return a < b ? a : b; }

static bool needs_keepalive(const struct prtc_turn *turn) {
  return turn->state == PRTC_TURN_ALLOCATED && !prtc_turn_is_stream(turn);
}

static prtc_time find_deadline(const struct prtc_turn *turn) {
  prtc_time deadline = earlier(turn->give_up, prtc_turn_peers_deadline(turn));
  for (size_t i = 0; i < MAX_REQUESTS; i++) {
    const struct turn_request *request = &turn->requests[i];
    if (request->active && !request->ready) deadline = earlier(deadline, request->due);
  }
  if (turn->state == PRTC_TURN_ALLOCATED && !turn->requests[0].active) deadline = earlier(deadline, turn->refresh);
  if (needs_keepalive(turn) && !turn->keepalive) deadline = earlier(deadline, turn->last_sent + keepalive_interval);
  return deadline;
}

static void give_up(struct prtc_turn *turn) {
  if (turn->state == PRTC_TURN_CLOSING) {
    prtc_turn_end(turn, &(struct turn_event){.type = PRTC_TURN_EVENT_CLOSED});
  } else {
    prtc_turn_fail(turn, PRTC_ERROR_TIMEOUT, turn->state == PRTC_TURN_ALLOCATED ? "the allocation has expired"
                                                                                 : "the server has not answered in time");
  }
}

void prtc_turn_step(struct prtc_turn *turn) {
  prtc_turn_expire_requests(turn);
  if (turn->give_up <= turn->now) give_up(turn);
  if (turn->state == PRTC_TURN_ALLOCATED && !turn->requests[0].active && turn->refresh <= turn->now) {
    (void)prtc_turn_begin(turn, TURN_REFRESH, 0);
  }
  prtc_turn_peers_step(turn);
  if (needs_keepalive(turn) && turn->last_sent + keepalive_interval <= turn->now) turn->keepalive = true;
  turn->deadline = find_deadline(turn);
}

prtc_time prtc_turn_deadline(const prtc_turn *turn) { return turn->deadline; }

int prtc_turn_timeout(prtc_turn *turn, prtc_time now) {
  prtc_turn_set_now(turn, now);
  prtc_turn_step(turn);
  return 0;
}

/* ---------------------------------------------------------------------------------------------------------------- bytes */

static int take_channel_data(struct prtc_turn *turn, const uint8_t *data, size_t size, prtc_turn_data *out) {
  struct prtc_reader reader = prtc_reader_of(data, size);
  size_t number = prtc_read_u16(&reader), length = prtc_read_u16(&reader);
  const uint8_t *payload = prtc_read_bytes(&reader, length);
  if (payload == NULL || number < 0x4000) return PRTC_ERROR_MALFORMED;
  if (turn->state != PRTC_TURN_ALLOCATED || number - 0x4000 >= turn->channel_count) return PRTC_ERROR_UNEXPECTED;
  *out = (prtc_turn_data){.peer = turn->channels[number - 0x4000].address, .data = payload, .size = length};
  return 1;
}

/* RFC 8656 section 11.4: what comes from an address without a permission is dropped, whatever the server thinks of it. */
static int take_indication(struct prtc_turn *turn, const struct prtc_stun_message *message, prtc_turn_data *out) {
  if (message->method != PRTC_STUN_METHOD_DATA) return PRTC_ERROR_UNEXPECTED;
  prtc_turn_data data;
  data.data = prtc_stun_find(message, PRTC_STUN_DATA, &data.size);
  if (data.data == NULL || !prtc_stun_find_xor_address(message, PRTC_STUN_XOR_PEER_ADDRESS, &data.peer)) {
    return PRTC_ERROR_MALFORMED;
  }
  if (turn->state != PRTC_TURN_ALLOCATED || !prtc_turn_is_permitted(turn, &data.peer)) return PRTC_ERROR_UNEXPECTED;
  *out = data;
  return 1;
}

static int take_stun(struct prtc_turn *turn, const uint8_t *data, size_t size, prtc_turn_data *out) {
  struct prtc_stun_message message;
  int code = prtc_stun_parse(&message, data, size);
  if (code < 0) return code;
  if (message.message_class == PRTC_STUN_INDICATION) return take_indication(turn, &message, out);
  if (message.message_class == PRTC_STUN_REQUEST) return PRTC_ERROR_UNEXPECTED;
  struct prtc_context *previous = prtc_enter(turn->context);
  code = prtc_turn_take_response(turn, &message);
  prtc_leave(previous);
  prtc_turn_step(turn);
  return code;
}

int prtc_turn_receive(prtc_turn *turn, prtc_time now, const uint8_t **data, size_t *size, prtc_turn_data *out) {
  const uint8_t *frame = *data;
  size_t frame_size = *size;
  prtc_turn_set_now(turn, now);
  if (prtc_turn_is_stream(turn) && turn->state != PRTC_TURN_CLOSED) {
    int code = prtc_turn_cut(turn, data, size, &frame, &frame_size);
    if (code < 0) {
      prtc_turn_fail(turn, code, code == PRTC_ERROR_PROTOCOL ? "the server sends something other than TURN"
                                                             : "memory could not be allocated");
      prtc_turn_step(turn);
      *size = 0;
    }
    if (code <= 0) return code;
  } else {
    *data += *size;
    *size = 0;
  }
  if (turn->state == PRTC_TURN_CLOSED || frame_size == 0) return PRTC_ERROR_UNEXPECTED;
  return frame[0] >= 0x40 ? take_channel_data(turn, frame, frame_size, out) : take_stun(turn, frame, frame_size, out);
}

static int transmit_request(struct prtc_turn *turn, uint8_t *buffer, size_t capacity) {
  for (size_t i = 0; i < MAX_REQUESTS; i++) {
    struct turn_request *request = &turn->requests[i];
    if (!request->active || !request->ready) continue;
    struct prtc_context *previous = prtc_enter(turn->context);
    int size = prtc_turn_write(turn, request, buffer, capacity);
    prtc_leave(previous);
    if (size > 0) {
      prtc_turn_sent(turn, request);
      return size;
    }
    prtc_turn_fail(turn, PRTC_ERROR_NO_MEMORY, "memory could not be allocated"); /* it fits: see MAX_CREDENTIALS */
    return 0;
  }
  turn->has_ready = false;
  return 0;
}

/* RFC 8656 does not say how; a Binding indication is what RFC 8445 section 11 uses. */
static int transmit_keepalive(struct prtc_turn *turn, uint8_t *buffer, size_t capacity) {
  uint8_t id[PRTC_STUN_TRANSACTION_SIZE];
  struct prtc_stun_writer writer;
  prtc_random_bytes(&turn->context->random, id, sizeof id);
  prtc_stun_begin(&writer, buffer, capacity, PRTC_STUN_INDICATION, PRTC_STUN_METHOD_BINDING, id);
  return prtc_stun_finish(&writer, NULL, 0);
}

int prtc_turn_transmit(prtc_turn *turn, prtc_time now, uint8_t *buffer, size_t capacity) {
  if (!turn->has_ready && !turn->keepalive) return 0;
  prtc_turn_set_now(turn, now);
  if (capacity < PRTC_DATAGRAM_SIZE) return PRTC_ERROR_BUFFER_TOO_SMALL;
  int size = turn->has_ready ? transmit_request(turn, buffer, capacity) : 0;
  if (size == 0 && turn->keepalive) size = transmit_keepalive(turn, buffer, capacity);
  if (size > 0) {
    turn->last_sent = turn->now;
    turn->keepalive = false;
  }
  prtc_turn_step(turn);
  return size;
}
