/* The agent of C: polyrtc/peer.h with its driver, by the protocol of ../README.md.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#include "core/base/json.h"
#include "core/base/text.h"

#define LINE_SIZE (4 * 1024 * 1024)
#define SHORT 1000 /* bytes of a message that are told; of a longer one its size and sum are */

static prtc_driver *driver;
static prtc_peer *peer;
static struct prtc_json request;
static char line_out[LINE_SIZE];
static char text[LINE_SIZE]; /* what is read of a request or from the engine */

/* ----------------------------------------------------------------------------------------------------- lines that leave */

static struct prtc_text out;

static void begin(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void begin(const char *format, ...) {
  char start[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(start, sizeof start, format, arguments);
  va_end(arguments);
  out = prtc_text_of(line_out, sizeof line_out);
  prtc_text_print(&out, "{%s", start);
}

static void put(const char *name, const char *value) {
  prtc_text_print(&out, ", \"%s\": ", name);
  if (value == NULL) {
    prtc_text_print(&out, "null");
  } else {
    prtc_json_print(&out, value);
  }
}

static void put_number(const char *name, uint64_t value) {
  prtc_text_print(&out, ", \"%s\": %llu", name, (unsigned long long)value);
}

static void put_if(const char *name, int there, uint64_t value) {
  if (there) {
    put_number(name, value);
  } else {
    put(name, NULL);
  }
}

static void put_boolean(const char *name, int value) {
  prtc_text_print(&out, ", \"%s\": %s", name, value ? "true" : "false");
}

static void end(void) {
  prtc_text_print(&out, "}");
  if (out.failed) abort();
  puts(line_out);
}

/* ------------------------------------------------------------------------------------------------ the request's members */

static int has(const char *name) {
  struct prtc_json value = prtc_json_member(request, name);
  return value.size > 0 && memcmp(value.text, "null", 4) != 0;
}

static uint64_t number(const char *name, uint64_t otherwise) {
  uint64_t value = otherwise;
  prtc_json_number(prtc_json_member(request, name), UINT64_MAX, &value);
  return value;
}

/* Into `to`, or NULL when it is missing or null. */
static const char *string(const char *name, char *to, size_t capacity) {
  return prtc_json_string(prtc_json_member(request, name), to, capacity) ? to : NULL;
}

static int boolean(const char *name, bool otherwise) {
  prtc_json_boolean(prtc_json_member(request, name), &otherwise);
  return otherwise;
}

/* ------------------------------------------------------------------------------------------------------ the W3C's words */

static const char *const TYPES[] = {"", "offer", "pranswer", "answer", "rollback"};
static const char *const SIGNALING[] = {
    "stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed"};
static const char *const GATHERING[] = {"new", "gathering", "complete"};
static const char *const ICE[] = {"new", "checking", "connected", "completed", "disconnected", "failed", "closed"};
static const char *const CONNECTION[] = {"new", "connecting", "connected", "disconnected", "failed", "closed"};
static const char *const CHANNEL[] = {"connecting", "open", "closing", "closed"};

static prtc_sdp_type type_of(const char *name) {
  for (int i = 1; i <= PRTC_SDP_ROLLBACK; i++)
    if (name != NULL && strcmp(name, TYPES[i]) == 0) return (prtc_sdp_type)i;
  return (prtc_sdp_type)0;
}

static uint32_t adler32(const uint8_t *data, size_t size) {
  uint32_t a = 1, b = 0;
  for (size_t i = 0; i < size; i++) {
    a = (a + data[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

static void put_message(const prtc_event *event) {
  int is_text = event->kind == PRTC_MESSAGE_TEXT;
  put("kind", is_text ? "text" : "binary");
  put_number("size", event->size);
  put_number("sum", adler32(event->data, event->size));
  if (!is_text || event->size > SHORT) return;
  memcpy(text, event->data, event->size);
  text[event->size] = '\0';
  put("text", text);
}

static void put_channel(prtc_channel_id channel) {
  prtc_channel_info info;
  PRTC_INIT(&info);
  if (prtc_peer_channel_info(peer, channel, &info) < 0) {
    put("readyState", "closed"); /* its id is of no more use */
    return;
  }
  put("label", info.label);
  put("protocol", info.protocol);
  put_boolean("ordered", !info.unordered);
  put_boolean("negotiated", (int)info.negotiated);
  put_if("maxRetransmits", (int)info.has_max_retransmits, info.max_retransmits);
  put_if("maxPacketLifeTime", (int)info.has_max_packet_life_time, info.max_packet_life_time);
  put_if("id", info.stream_id != PRTC_STREAM_NONE, info.stream_id);
  put("readyState", CHANNEL[info.state]);
  put_number("bufferedAmount", info.buffered_amount);
  put_number("bufferedAmountLowThreshold", info.buffered_amount_low_threshold);
}

/* --------------------------------------------------------------------------------------------------------------- events */

static void tell_state(const char *name, const char *state) {
  begin("\"event\": \"%s\"", name);
  put("state", state);
  end();
}

static void tell_channel(const char *name, const prtc_event *event) {
  begin("\"event\": \"%s\"", name);
  put_number("channel", event->object);
  if (event->type == PRTC_EVENT_CHANNEL_MESSAGE) put_message(event);
  if (event->type == PRTC_EVENT_DATA_CHANNEL) put_channel(event->object);
  if (event->type == PRTC_EVENT_CHANNEL_ERROR) put("name", prtc_error_name(event->code));
  end();
}

static void tell(const prtc_event *event) {
  switch (event->type) {
    case PRTC_EVENT_ENDPOINT_FAILED:
      fprintf(stderr, "the endpoint failed: %s\n", prtc_strerror(event->code));
      exit(1);
    case PRTC_EVENT_NEGOTIATION_NEEDED:
      begin("\"event\": \"negotiationneeded\"");
      end();
      break;
    case PRTC_EVENT_SIGNALING_STATE_CHANGE: tell_state("signalingstatechange", SIGNALING[event->state]); break;
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE: tell_state("icegatheringstatechange", GATHERING[event->state]); break;
    case PRTC_EVENT_ICE_CONNECTION_STATE_CHANGE: tell_state("iceconnectionstatechange", ICE[event->state]); break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE: tell_state("connectionstatechange", CONNECTION[event->state]); break;
    case PRTC_EVENT_ICE_CANDIDATE:
      if (event->text != NULL && event->text[0] == '\0') break; /* the end of a generation: the descriptions say it */
      begin("\"event\": \"icecandidate\"");
      put("candidate", event->text);
      if (event->text != NULL) {
        put("sdpMid", event->mid);
        put_number("sdpMLineIndex", event->index);
        put("usernameFragment", event->ufrag);
      }
      end();
      break;
    case PRTC_EVENT_FAILED:
      begin("\"event\": \"failed\"");
      put("name", prtc_error_name(event->code));
      end();
      break;
    case PRTC_EVENT_DATA_CHANNEL: tell_channel("datachannel", event); break;
    case PRTC_EVENT_CHANNEL_OPEN: tell_channel("open", event); break;
    case PRTC_EVENT_CHANNEL_MESSAGE: tell_channel("message", event); break;
    case PRTC_EVENT_CHANNEL_BUFFERED_AMOUNT_LOW: tell_channel("bufferedamountlow", event); break;
    case PRTC_EVENT_CHANNEL_CLOSING: tell_channel("closing", event); break;
    case PRTC_EVENT_CHANNEL_ERROR: tell_channel("error", event); break;
    case PRTC_EVENT_CHANNEL_CLOSED: tell_channel("close", event); break;
    default: break;
  }
}

static void settle(void) {
  prtc_event events[32];
  int count;
  do {
    prtc_driver_flush(driver);
    count = prtc_endpoint_event(prtc_driver_endpoint(driver), events, 32);
    for (int i = 0; i < count; i++) tell(&events[i]);
  } while (count > 0);
  fflush(stdout);
}

/* ------------------------------------------------------------------------------------------------------------- requests */

/* The members of the configuration have the W3C's names, or those of the other languages; in C they are in snake case. */
static int create(prtc_time now) {
  static const char *const NAMES[] = {
      "maxMessageSize", "sendQueueSize", "iceCandidatePoolSize", "alwaysNegotiateDataChannels"};
  static const char *const IN_C[] = {
      "max_message_size", "send_queue_size", "ice_candidate_pool_size", "always_negotiate_data"};
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.use_loopback = 1;
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
    char value[24];
    if (!has(NAMES[i])) continue;
    snprintf(value, sizeof value, "%llu", (unsigned long long)number(NAMES[i], (uint64_t)boolean(NAMES[i], false)));
    int code = prtc_peer_config_set(&config, IN_C[i], value);
    if (code < 0) return code;
  }
  return prtc_peer_new(prtc_driver_endpoint(driver), now, &config, &peer);
}

static int describe(int code, const char *type) {
  if (code < 0) return code;
  put("type", type);
  put("sdp", text);
  return 0;
}

static int local_description(void) {
  prtc_sdp_type type;
  int size = prtc_peer_get_description(peer, PRTC_DESCRIPTION_LOCAL, &type, text, sizeof text);
  if (size > 0) return describe(size, TYPES[type]);
  put("type", NULL);
  return size;
}

static int set_description(prtc_time now, int remote) {
  char type[16];
  prtc_sdp_type kind = type_of(string("type", type, sizeof type));
  if (!has("sdp") && !remote) return prtc_peer_set_local_description(peer, now, kind, NULL, 0);
  const char *sdp = string("sdp", text, sizeof text);
  size_t size = sdp == NULL ? 0 : strlen(sdp);
  return remote ? prtc_peer_set_remote_description(peer, now, kind, sdp, size)
                : prtc_peer_set_local_description(peer, now, kind, sdp, size);
}

static int add_candidate(prtc_time now) {
  char mid[256], ufrag[512];
  if (!has("candidate")) return prtc_peer_add_ice_candidate(peer, now, "", NULL, 0, NULL);
  int index = has("sdpMLineIndex") ? (int)number("sdpMLineIndex", 0) : -1;
  return prtc_peer_add_ice_candidate(peer, now, string("candidate", text, sizeof text), string("sdpMid", mid, sizeof mid),
                                     index, string("usernameFragment", ufrag, sizeof ufrag));
}

static int create_channel(prtc_time now) {
  static char label[70000], protocol[70000];
  prtc_channel_config config;
  prtc_channel_id channel;
  PRTC_INIT(&config);
  prtc_channel_config_init(&config);
  config.label = string("label", label, sizeof label);
  config.label_size = config.label == NULL ? 0 : strlen(label);
  config.protocol = string("protocol", protocol, sizeof protocol);
  config.protocol_size = config.protocol == NULL ? 0 : strlen(protocol);
  config.unordered = !boolean("ordered", true);
  config.negotiated = (uint32_t)boolean("negotiated", false);
  config.has_max_retransmits = (uint32_t)has("maxRetransmits");
  config.max_retransmits = (uint32_t)number("maxRetransmits", 0);
  config.has_max_packet_life_time = (uint32_t)has("maxPacketLifeTime");
  config.max_packet_life_time = (uint32_t)number("maxPacketLifeTime", 0);
  if (has("id")) config.stream_id = (uint32_t)number("id", 0);
  int code = prtc_peer_create_data_channel(peer, now, &config, &channel);
  if (code == 0) put_number("channel", channel);
  return code;
}

/* {"text": …}, or "fill" bytes of a "kind" that ../runner.py knows as well */
static int send_message(prtc_time now, prtc_channel_id channel) {
  char kind[16] = "text";
  string("kind", kind, sizeof kind);
  int is_text = strcmp(kind, "text") == 0;
  size_t size = (size_t)number("fill", 0);
  if (string("text", text, sizeof text) != NULL) {
    size = strlen(text);
  } else {
    for (size_t i = 0; i < size; i++) text[i] = (char)(is_text ? 'a' + i % 26 : i * 7 % 256);
  }
  return prtc_peer_send(peer, now, channel, is_text ? PRTC_MESSAGE_TEXT : PRTC_MESSAGE_BINARY, (const uint8_t *)text, size);
}

static int states(void) {
  static const char *const TRICKLE[] = {"false", "true", "null"};
  prtc_peer_states found;
  PRTC_INIT(&found);
  int code = prtc_peer_get_states(peer, &found);
  if (code < 0) return code;
  put("signalingState", SIGNALING[found.signaling]);
  put("iceGatheringState", GATHERING[found.ice_gathering]);
  put("iceConnectionState", ICE[found.ice_connection]);
  put("connectionState", CONNECTION[found.connection]);
  prtc_text_print(&out, ", \"canTrickleIceCandidates\": %s", TRICKLE[found.can_trickle]);
  return 0;
}

static int carry_out(const char *action) {
  prtc_time now = prtc_driver_now(driver);
  prtc_channel_id channel = number("channel", 0);
  if (strcmp(action, "create") == 0) return create(now);
  if (strcmp(action, "createOffer") == 0)
    return describe(prtc_peer_create_offer(peer, now, NULL, text, sizeof text), "offer");
  if (strcmp(action, "createAnswer") == 0)
    return describe(prtc_peer_create_answer(peer, now, text, sizeof text), "answer");
  if (strcmp(action, "setLocalDescription") == 0) return set_description(now, 0);
  if (strcmp(action, "setRemoteDescription") == 0) return set_description(now, 1);
  if (strcmp(action, "localDescription") == 0) return local_description();
  if (strcmp(action, "addIceCandidate") == 0) return add_candidate(now);
  if (strcmp(action, "restartIce") == 0) return prtc_peer_restart_ice(peer, now);
  if (strcmp(action, "createDataChannel") == 0) return create_channel(now);
  if (strcmp(action, "send") == 0) return send_message(now, channel);
  if (strcmp(action, "closeChannel") == 0) {
    int code = prtc_peer_close_channel(peer, now, channel);
    return code == PRTC_ERROR_NOT_FOUND ? 0 : code; /* it is closed already */
  }
  if (strcmp(action, "threshold") == 0)
    return prtc_peer_set_buffered_amount_low_threshold(peer, channel, number("value", 0));
  if (strcmp(action, "channel") == 0) return put_channel(channel), 0;
  if (strcmp(action, "states") == 0) return states();
  if (strcmp(action, "close") == 0) return prtc_peer_close(peer, now);
  if (strcmp(action, "stats") == 0) {
    int code = prtc_peer_get_stats(peer, now, text, sizeof text);
    if (code > 0) prtc_text_print(&out, ", \"stats\": %s", text);
    return code;
  }
  if (strcmp(action, "end") == 0) {
    prtc_peer_free(peer);
    peer = NULL;
    return 0;
  }
  return PRTC_ERROR_NOT_SUPPORTED;
}

static void answer(const char *line, size_t size) {
  char action[32] = "";
  if (!prtc_json_open(&request, line, size)) return;
  string("do", action, sizeof action);
  begin("\"n\": %llu", (unsigned long long)number("n", 0));
  int code = carry_out(action);
  if (code < 0) {
    begin("\"n\": %llu", (unsigned long long)number("n", 0));
    put("error", prtc_error_exception(code));
    put("message", peer == NULL ? prtc_strerror(code) : prtc_peer_error_message(peer));
  }
  end();
}

/* ------------------------------------------------------------------------------------------------------------- the loop */

static char input[LINE_SIZE];
static size_t input_size;

/* 0: the input has ended. */
static int read_input(void) {
  ssize_t got = read(STDIN_FILENO, input + input_size, sizeof input - input_size);
  if (got <= 0) return got < 0 && errno == EINTR;
  input_size += (size_t)got;
  for (char *end_of_line; (end_of_line = memchr(input, '\n', input_size)) != NULL;) {
    answer(input, (size_t)(end_of_line - input));
    settle();
    input_size -= (size_t)(end_of_line + 1 - input);
    memmove(input, end_of_line + 1, input_size);
  }
  return 1;
}

int main(void) {
  driver = prtc_driver_new(NULL);
  if (driver == NULL) {
    perror("the driver");
    return 1;
  }
  struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = prtc_driver_descriptor(driver), .events = POLLIN}};
  for (int more = 1; more;) {
    poll(polled, 2, -1);
    if (polled[0].revents != 0) more = read_input();
    if (polled[1].revents != 0) {
      prtc_driver_process(driver);
      settle();
    }
  }
  prtc_driver_free(driver);
  return 0;
}
