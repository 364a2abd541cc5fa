/* Runs a recording again: each entry is a call on an endpoint that records, too, and the two recordings are compared.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/replay.h>

#include <string.h>

#include "core/base/text.h"
#include <polyrtc/transport.h>

#include "core/endpoint/endpoint.h"
#include "core/peer/options.h"

/* What stands before a peer or a reply, until it comes. */
enum { GATHERED_MAX = 4096 };

/* A step is recorded again before it is compared. */
enum { RECORDING_ROOM = 1024 * 1024 };

/* Larger buffers than this nobody gives. */
enum { BUFFER_MAX = 16 * 1024 * 1024 };

struct option {
  const char *name, *text;
};

struct gathered {
  struct prtc_queue servers;      /* prtc_ice_server */
  struct prtc_queue certificates; /* const char * */
  struct prtc_queue options;      /* struct option */
  struct prtc_queue interfaces;   /* prtc_interface */
  struct prtc_queue addresses;    /* prtc_address */
  const char *data;               /* of a reply; among the texts */
  size_t data_size;
  struct prtc_queue texts;        /* char *, to be released */
};

struct prtc_replay {
  prtc_endpoint *endpoint;
  struct prtc_context *context; /* the endpoint's */
  struct prtc_recording_reader reader;
  size_t compared; /* bytes of the file that came out the same */
  uint64_t steps;
  int over; /* the code that ended it */
  struct gathered gathered;
  prtc_event *events;
  size_t event_capacity;
  uint8_t *buffer; /* for what calls write */
  size_t buffer_size;
  char message[256];
};

static int fail(prtc_replay *replay, int code, const char *sentence) {
  struct prtc_text text = prtc_text_of(replay->message, sizeof replay->message);
  prtc_text_print(&text, "%s", sentence);
  return replay->over = code;
}

static int malformed(prtc_replay *replay) { return fail(replay, PRTC_ERROR_MALFORMED, "the recording is damaged"); }

/* ----------------------------------------------------------------------------------------------------- what is gathered */

static void gathered_init(struct gathered *gathered, struct prtc_context *context) {
  prtc_queue_init(&gathered->servers, context, sizeof(prtc_ice_server), GATHERED_MAX);
  prtc_queue_init(&gathered->certificates, context, sizeof(const char *), GATHERED_MAX);
  prtc_queue_init(&gathered->options, context, sizeof(struct option), GATHERED_MAX);
  prtc_queue_init(&gathered->interfaces, context, sizeof(prtc_interface), GATHERED_MAX);
  prtc_queue_init(&gathered->addresses, context, sizeof(prtc_address), GATHERED_MAX);
  prtc_queue_init(&gathered->texts, context, sizeof(char *), 0);
}

static void gathered_clear(struct gathered *gathered) {
  char *text;
  while (prtc_queue_pop(&gathered->texts, &text)) prtc_release(gathered->texts.context, text);
  prtc_queue_clear(&gathered->servers);
  prtc_queue_clear(&gathered->certificates);
  prtc_queue_clear(&gathered->options);
  prtc_queue_clear(&gathered->interfaces);
  prtc_queue_clear(&gathered->addresses);
  prtc_queue_clear(&gathered->texts);
  gathered->data = NULL;
  gathered->data_size = 0;
}

/* The text of a value, NUL-terminated, until the next gathered_clear; NULL for NULL, and without memory. */
static const char *text_of(prtc_replay *replay, const struct prtc_value *value) {
  if (value->data == NULL) return NULL;
  char *text = prtc_copy_text(replay->context, value->data, value->size);
  if (text != NULL && prtc_queue_push(&replay->gathered.texts, &text) < 0) {
    prtc_release(replay->context, text);
    text = NULL;
  }
  if (text == NULL) fail(replay, PRTC_ERROR_NO_MEMORY, "no memory");
  return text;
}

static int gather(prtc_replay *replay, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = entry->values;
  struct gathered *gathered = &replay->gathered;
  if (entry->operation == PRTC_OP_peer_server) {
    const prtc_ice_server server = {text_of(replay, &v[0]), text_of(replay, &v[1]), text_of(replay, &v[2])};
    return prtc_queue_push(&gathered->servers, &server);
  }
  if (entry->operation == PRTC_OP_peer_certificate) {
    const char *pem = text_of(replay, &v[0]);
    return prtc_queue_push(&gathered->certificates, &pem);
  }
  if (entry->operation == PRTC_OP_peer_option) {
    const struct option option = {text_of(replay, &v[0]), text_of(replay, &v[1])};
    return option.name == NULL ? PRTC_ERROR_MALFORMED : prtc_queue_push(&gathered->options, &option);
  }
  if (entry->operation == PRTC_OP_reply_data) {
    gathered->data = text_of(replay, &v[0]);
    gathered->data_size = gathered->data != NULL ? v[0].size : 0;
    return PRTC_OK;
  }
  prtc_interface interface = {0};
  if (!prtc_recording_address(&v[0], &interface.address)) return PRTC_ERROR_MALFORMED;
  if (entry->operation == PRTC_OP_reply_address) return prtc_queue_push(&gathered->addresses, &interface.address);
  interface.index = (uint32_t)v[1].number;
  interface.network_type = (uint32_t)v[2].number;
  interface.temporary = (uint32_t)v[3].number;
  if (v[4].size >= sizeof interface.name) return PRTC_ERROR_MALFORMED;
  if (v[4].size > 0) memcpy(interface.name, v[4].data, v[4].size);
  return prtc_queue_push(&gathered->interfaces, &interface);
}

/* ------------------------------------------------------------------------------------------------ calls on the endpoint */

/* Room as the recorded call had it. */
static bool reserve(prtc_replay *replay, uint64_t capacity) {
  if (capacity <= replay->buffer_size) return true;
  if (capacity > BUFFER_MAX) {
    malformed(replay);
    return false;
  }
  uint8_t *buffer = prtc_reallocate(replay->context, replay->buffer, (size_t)capacity);
  if (buffer == NULL) {
    fail(replay, PRTC_ERROR_NO_MEMORY, "no memory");
    return false;
  }
  replay->buffer = buffer;
  replay->buffer_size = (size_t)capacity;
  return true;
}

static int receive(prtc_replay *replay, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = entry->values;
  prtc_datagram datagram = {.socket = v[0].number,
                            .protocol = (uint32_t)v[1].number,
                            .interface_index = (uint32_t)v[2].number,
                            .data = v[5].data,
                            .size = v[5].size,
                            .segment_size = (size_t)v[6].number,
                            .ecn = (uint32_t)v[7].number,
                            .time = v[8].number};
  if (!prtc_recording_address(&v[3], &datagram.local) || !prtc_recording_address(&v[4], &datagram.remote)) {
    return malformed(replay);
  }
  return prtc_endpoint_receive(replay->endpoint, entry->time, &datagram,
                               datagram.socket == 0 && datagram.data == NULL ? 0 : 1);
}

static int transmit(prtc_replay *replay, const struct prtc_recording_entry *entry) {
  prtc_datagram datagram;
  uint64_t capacity = entry->values[0].number;
  if (!reserve(replay, capacity)) return replay->over;
  return prtc_endpoint_transmit(replay->endpoint, entry->time, &datagram, replay->buffer, (size_t)capacity);
}

static int fetch(prtc_replay *replay, const struct prtc_recording_entry *entry, prtc_replay_step *step) {
  uint64_t capacity = entry->values[0].number;
  if (capacity > 65536) return malformed(replay);
  if (capacity > replay->event_capacity) {
    prtc_event *events = prtc_reallocate(replay->context, replay->events, (size_t)capacity * sizeof *events);
    if (events == NULL) return fail(replay, PRTC_ERROR_NO_MEMORY, "no memory");
    replay->events = events;
    replay->event_capacity = (size_t)capacity;
  }
  int count = prtc_endpoint_event(replay->endpoint, replay->events, (size_t)capacity);
  step->events = replay->events;
  step->event_count = count > 0 ? (size_t)count : 0;
  return count;
}

static int reply(prtc_replay *replay, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = entry->values;
  const struct gathered *gathered = &replay->gathered;
  const prtc_reply answer = {.size = sizeof answer,
                             .id = v[0].number,
                             .code = (int32_t)v[1].number,
                             .system_error = (int32_t)v[2].number,
                             .interfaces = prtc_queue_at(&gathered->interfaces, 0),
                             .interface_count = gathered->interfaces.count,
                             .addresses = prtc_queue_at(&gathered->addresses, 0),
                             .address_count = gathered->addresses.count,
                             .data = (const uint8_t *)gathered->data,
                             .data_size = gathered->data_size};
  prtc_reply complete = answer;
  if (!prtc_recording_address(&v[3], &complete.address)) return malformed(replay);
  int code = prtc_endpoint_reply(replay->endpoint, entry->time, &complete);
  gathered_clear(&replay->gathered);
  return code;
}

static int socket_call(prtc_replay *replay, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = entry->values;
  prtc_address first, second;
  prtc_socket_id connection;
  switch (entry->operation) {
    case PRTC_OP_endpoint_accepted:
      if (!prtc_recording_address(&v[1], &first) || !prtc_recording_address(&v[2], &second)) return malformed(replay);
      return prtc_endpoint_accepted(replay->endpoint, entry->time, v[0].number, &first, &second, &connection);
    case PRTC_OP_endpoint_unreachable:
      if (!prtc_recording_address(&v[1], &first)) return malformed(replay);
      return prtc_endpoint_unreachable(replay->endpoint, entry->time, v[0].number, &first, (int)v[2].number);
    case PRTC_OP_endpoint_writable:
      return prtc_endpoint_writable(replay->endpoint, entry->time, v[0].number, v[1].number != 0);
    default: return prtc_endpoint_socket_closed(replay->endpoint, entry->time, v[0].number, (int)v[1].number);
  }
}

/* ------------------------------------------------------------------------------------------------------ calls on a peer */

/* A configuration, made or (of `peer`) changed. */
static int configure_peer(prtc_replay *replay, prtc_peer *peer, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = &entry->values[peer != NULL];
  prtc_peer_config config;
  if (v->size != sizeof config) return malformed(replay);
  memcpy(&config, v->data, sizeof config);
  if (config.size > sizeof config) return malformed(replay);
  config.ice_servers = prtc_queue_at(&replay->gathered.servers, 0);
  config.ice_server_count = replay->gathered.servers.count;
  config.certificates = prtc_queue_at(&replay->gathered.certificates, 0);
  config.certificate_count = replay->gathered.certificates.count;
  prtc_peer_config_forget_texts(&config); /* pointers of another process */
  struct option option;
  while (prtc_queue_pop(&replay->gathered.options, &option)) (void)prtc_peer_config_set(&config, option.name, option.text);
  int code = peer != NULL ? prtc_peer_set_configuration(peer, entry->time, &config)
                          : prtc_peer_new(replay->endpoint, entry->time, &config, &peer);
  gathered_clear(&replay->gathered);
  return code;
}

static int create_description(prtc_replay *replay, prtc_peer *peer, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = entry->values;
  bool offer = entry->operation == PRTC_OP_peer_create_offer;
  size_t capacity = (size_t)(offer ? v[2].number : v[1].number);
  prtc_offer_options options;
  if (!reserve(replay, capacity)) return replay->over;
  char *out = capacity == 0 ? NULL : (char *)replay->buffer;
  if (!offer) return prtc_peer_create_answer(peer, entry->time, out, capacity);
  if (v[1].data != NULL && v[1].size != sizeof options) return malformed(replay);
  if (v[1].data != NULL) memcpy(&options, v[1].data, sizeof options);
  if (v[1].data != NULL && options.size > sizeof options) return malformed(replay);
  return prtc_peer_create_offer(peer, entry->time, v[1].data != NULL ? &options : NULL, out, capacity);
}

static int create_channel(prtc_replay *replay, prtc_peer *peer, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = entry->values;
  prtc_channel_config config;
  prtc_channel_id channel;
  if (v[1].size != sizeof config) return malformed(replay);
  memcpy(&config, v[1].data, sizeof config);
  if (config.size > sizeof config) return malformed(replay);
  config.label = v[2].data;
  config.label_size = v[2].size;
  config.protocol = v[3].data;
  config.protocol_size = v[3].size;
  return prtc_peer_create_data_channel(peer, entry->time, &config, &channel);
}

static int add_candidate(prtc_replay *replay, prtc_peer *peer, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = entry->values;
  const char *candidate = text_of(replay, &v[1]), *mid = text_of(replay, &v[2]), *ufrag = text_of(replay, &v[4]);
  int code = prtc_peer_add_ice_candidate(peer, entry->time, candidate, mid, (int)v[3].number, ufrag);
  gathered_clear(&replay->gathered);
  return code;
}

static int peer_call(prtc_replay *replay, const struct prtc_recording_entry *entry) {
  const struct prtc_value *v = entry->values;
  prtc_time now = entry->time;
  prtc_peer *peer = prtc_endpoint_peer(replay->endpoint, v[0].number);
  if (peer == NULL) return fail(replay, PRTC_ERROR_UNEXPECTED, "there is no such peer");
  switch (entry->operation) {
    case PRTC_OP_peer_free: prtc_peer_free(peer); return PRTC_OK;
    case PRTC_OP_peer_create_offer:
    case PRTC_OP_peer_create_answer: return create_description(replay, peer, entry);
    case PRTC_OP_peer_set_local_description:
      return prtc_peer_set_local_description(peer, now, (prtc_sdp_type)v[1].number, v[2].data, v[2].size);
    case PRTC_OP_peer_set_remote_description:
      return prtc_peer_set_remote_description(peer, now, (prtc_sdp_type)v[1].number, v[2].data, v[2].size);
    case PRTC_OP_peer_add_ice_candidate: return add_candidate(replay, peer, entry);
    case PRTC_OP_peer_set_configuration: return configure_peer(replay, peer, entry);
    case PRTC_OP_peer_restart_ice: return prtc_peer_restart_ice(peer, now);
    case PRTC_OP_peer_close: return prtc_peer_close(peer, now);
    case PRTC_OP_peer_create_data_channel: return create_channel(replay, peer, entry);
    case PRTC_OP_peer_send:
      return prtc_peer_send(peer, now, v[1].number, (prtc_message_kind)v[2].number, v[3].data, v[3].size);
    case PRTC_OP_peer_send_part:
      return prtc_peer_send_part(peer, now, v[1].number, (prtc_message_kind)v[2].number, v[3].data, v[3].size,
                                 (uint32_t)v[4].number);
    case PRTC_OP_peer_set_channel_streaming: return prtc_peer_set_channel_streaming(peer, v[1].number, (int)v[2].number);
    case PRTC_OP_peer_pause_messages: return prtc_peer_pause_messages(peer, (int)v[1].number);
    case PRTC_OP_peer_close_channel: return prtc_peer_close_channel(peer, now, v[1].number);
    case PRTC_OP_peer_set_buffered_amount_low_threshold:
      return prtc_peer_set_buffered_amount_low_threshold(peer, v[1].number, v[2].number);
    case PRTC_OP_peer_gather: return prtc_peer_gather(peer, now);
    case PRTC_OP_peer_start_ice: return prtc_peer_start_ice(peer, now, v[1].data, v[1].size, (int)v[2].number);
    case PRTC_OP_peer_add_candidates: return prtc_peer_add_candidates(peer, now, v[1].data, v[1].size);
    case PRTC_OP_peer_set_certificate: return prtc_peer_set_certificate(peer, now, text_of(replay, &v[1]));
    case PRTC_OP_peer_start_dtls: return prtc_peer_start_dtls(peer, now, v[1].data, v[1].size);
    case PRTC_OP_peer_start_sctp: return prtc_peer_start_sctp(peer, now, v[1].data, v[1].size);
    case PRTC_OP_peer_send_raw: return prtc_peer_send_raw(peer, now, v[1].data, v[1].size);
    case PRTC_OP_peer_get_fingerprint:
      if (!reserve(replay, PRTC_TRAIN_SIZE)) return replay->over;
      return prtc_peer_get_fingerprint(peer, (char *)replay->buffer, PRTC_TRAIN_SIZE);
    default: return malformed(replay);
  }
}

/* ---------------------------------------------------------------------------------------------------------------- steps */

/* Makes the call. Its code is of no matter, but for step->code; what went wrong here sets replay->over. */
static void run(prtc_replay *replay, const struct prtc_recording_entry *entry, prtc_replay_step *step) {
  int code = PRTC_OK;
  prtc_request request;
  switch (entry->operation) {
    case PRTC_OP_endpoint_receive:
      step->data_size = entry->values[5].size;
      code = receive(replay, entry);
      break;
    case PRTC_OP_endpoint_transmit:
      code = transmit(replay, entry);
      step->data_size = code > 0 ? (size_t)code : 0;
      break;
    case PRTC_OP_endpoint_timeout: code = prtc_endpoint_timeout(replay->endpoint, entry->time); break;
    case PRTC_OP_endpoint_event: code = fetch(replay, entry, step); break;
    case PRTC_OP_endpoint_request: code = prtc_endpoint_request(replay->endpoint, &request); break;
    case PRTC_OP_endpoint_reply: code = reply(replay, entry); break;
    case PRTC_OP_endpoint_accepted:
    case PRTC_OP_endpoint_writable:
    case PRTC_OP_endpoint_socket_closed:
    case PRTC_OP_endpoint_unreachable: code = socket_call(replay, entry); break;
    case PRTC_OP_endpoint_interfaces_changed: code = prtc_endpoint_interfaces_changed(replay->endpoint, entry->time); break;
    case PRTC_OP_peer_new: code = configure_peer(replay, NULL, entry); break;
    default:
      if (entry->operation == PRTC_OP_peer_send || entry->operation == PRTC_OP_peer_send_part) {
        step->data_size = entry->values[3].size;
      }
      code = peer_call(replay, entry);
      break;
  }
  step->code = code;
}

/* What the call has recorded must be what stands in the file. */
static int compare(prtc_replay *replay, const prtc_replay_step *step) {
  uint8_t chunk[4096];
  for (;;) {
    size_t size = prtc_sink_read(replay->context, &replay->context->recording.sink, chunk, sizeof chunk);
    if (size == 0) return PRTC_OK;
    size_t left = replay->reader.size - replay->compared;
    if (size > left) size = left; /* the file is cut off */
    if (memcmp(chunk, replay->reader.data + replay->compared, size) != 0) {
      struct prtc_text text = prtc_text_of(replay->message, sizeof replay->message);
      prtc_text_print(&text, "step %llu, %s, comes out otherwise than it was recorded", (unsigned long long)step->number,
                      step->call);
      return replay->over = PRTC_ERROR_UNEXPECTED;
    }
    replay->compared += size;
  }
}

static int note_end(prtc_replay *replay, const char *sentence) {
  fail(replay, 0, sentence);
  replay->over = 1;
  return 0;
}

static bool is_gathered(enum prtc_operation operation) {
  return operation == PRTC_OP_peer_server || operation == PRTC_OP_peer_certificate || operation == PRTC_OP_peer_option ||
         operation == PRTC_OP_reply_interface || operation == PRTC_OP_reply_address || operation == PRTC_OP_reply_data;
}

/* The next entry that is a call; what comes before it is gathered. As prtc_recording_read. */
static int next_call(prtc_replay *replay, struct prtc_recording_entry *entry) {
  for (;;) {
    int code = prtc_recording_read(&replay->reader, entry);
    if (code <= 0) return code;
    if (is_gathered(entry->operation)) {
      code = gather(replay, entry);
      if (code < 0) return code;
    } else if (entry->operation != PRTC_OP_result && entry->operation != PRTC_OP_begin) {
      return 1; /* results are compared with the call that gave them */
    }
  }
}

int prtc_replay_next(prtc_replay *replay, prtc_replay_step *out) {
  if (replay->over != 0) return replay->over > 0 ? 0 : replay->over;
  struct prtc_recording_entry entry;
  *out = (prtc_replay_step){.size = sizeof *out, .number = replay->steps, .call = "begin"};
  if (replay->steps == 0 && compare(replay, out) < 0) {
    return fail(replay, PRTC_ERROR_UNEXPECTED, "it was recorded by another version of polyrtc");
  }
  int code = next_call(replay, &entry);
  if (code < 0) return code == PRTC_ERROR_NO_MEMORY ? fail(replay, code, "no memory") : malformed(replay);
  if (code == 0) {
    bool whole = replay->reader.position == replay->compared;
    return note_end(replay, whole ? "" : "the recording is cut off in the midst of an entry");
  }
  if (entry.operation == PRTC_OP_end) return note_end(replay, "the recording stopped at its bound, the endpoint went on");
  out->number = ++replay->steps;
  out->time = entry.time;
  out->call = prtc_operation_name(entry.operation);
  run(replay, &entry, out);
  if (replay->over != 0) return replay->over;
  code = compare(replay, out);
  return code < 0 ? code : 1;
}

/* ----------------------------------------------------------------------------------------------------------------- life */

static prtc_endpoint *make_endpoint(const prtc_replay_config *config, struct prtc_recording_reader *reader) {
  struct prtc_recording_entry entry;
  prtc_endpoint_config endpoint = {.size = sizeof endpoint,
                                   .log_level = config->log_level,
                                   .key_log = config->key_log,
                                   .capture_size = config->capture_size,
                                   .recording_size = config->recording_size + RECORDING_ROOM};
  if (prtc_recording_read(reader, &entry) <= 0 || entry.operation != PRTC_OP_begin) return NULL;
  if (entry.values[1].size != sizeof endpoint.seed) return NULL;
  memcpy(endpoint.seed, entry.values[1].data, sizeof endpoint.seed);
  endpoint.now = entry.time;
  endpoint.wall_clock = (int64_t)entry.values[2].number;
  struct prtc_recording_reader ahead = *reader;
  if (prtc_recording_read(&ahead, &entry) > 0 && entry.operation == PRTC_OP_endpoint_ports) {
    endpoint.udp_port = (uint32_t)entry.values[0].number;
    *reader = ahead;
  }
  return prtc_endpoint_new(&endpoint);
}

prtc_replay *prtc_replay_new(const prtc_replay_config *config) {
  struct prtc_recording_reader reader = {.data = config->recording, .size = config->recording_size};
  prtc_endpoint *endpoint = config->size == sizeof *config ? make_endpoint(config, &reader) : NULL;
  if (endpoint == NULL) return NULL;
  prtc_replay *replay = prtc_allocate(&endpoint->context, sizeof *replay);
  if (replay == NULL) {
    prtc_endpoint_free(endpoint);
    return NULL;
  }
  replay->endpoint = endpoint;
  replay->context = &endpoint->context;
  replay->reader = reader;
  gathered_init(&replay->gathered, replay->context);
  return replay;
}

void prtc_replay_free(prtc_replay *replay) {
  if (replay == NULL) return;
  prtc_endpoint *endpoint = replay->endpoint;
  gathered_clear(&replay->gathered);
  prtc_release(replay->context, replay->events);
  prtc_release(replay->context, replay->buffer);
  prtc_release(replay->context, replay);
  prtc_endpoint_free(endpoint);
}

const char *prtc_replay_message(const prtc_replay *replay) { return replay->message; }

prtc_endpoint *prtc_replay_endpoint(prtc_replay *replay) { return replay->endpoint; }
