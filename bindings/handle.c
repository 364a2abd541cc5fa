/* The C API in a shape that crosses SWIG.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bindings/handle.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_BATCH 64
#define ROUNDS_PER_CALL 4 /* then others have their turn */
#define TEXT_SIZE (64 * 1024) /* always enough for a description */
/* Elements that may be added before a reply or a peer */
#define LIST_LIMIT 4096

struct list {
  void *elements;
  size_t count, capacity;
};

struct prtc_handle {
  prtc_endpoint *endpoint; /* NULL: closed */
  prtc_driver *driver;     /* NULL: without */
  atomic_int busy;
  int code;
  bool looks; /* the last call on a peer was no command: its peer has no sentence for it */
  prtc_event batch[EVENT_BATCH];
  const prtc_event *events; /* the batch, or what a replay gave */
  size_t event_count;
  prtc_handle_bytes bytes;
  prtc_replay *replay; /* NULL: without. It owns the endpoint */
  uint8_t *recording;  /* its own */
  prtc_replay_step step;
  prtc_datagram datagram;
  prtc_request request;
  prtc_peer_states states;
  prtc_channel_info channel_info;
  prtc_endpoint_stats stats;
  prtc_address local, remote;
  prtc_sdp_type description_type;
  struct list interfaces, addresses, servers, certificates, options, watches;
  uint8_t *data;  /* of a reply; its own */
  size_t data_size;
  char *stats_text; /* as large as was needed so far */
  char *text;     /* TEXT_SIZE bytes, allocated when first needed */
  uint8_t *train; /* PRTC_TRAIN_SIZE bytes, the same */
};

/* ----------------------------------------------------------------------------------------------------------- small help */

static void *list_add(struct list *list, size_t element_size) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity == 0 ? 8 : 2 * list->capacity;
    void *elements = capacity > LIST_LIMIT ? NULL : realloc(list->elements, capacity * element_size);
    if (elements == NULL) return NULL;
    list->elements = elements;
    list->capacity = capacity;
  }
  void *element = (unsigned char *)list->elements + list->count++ * element_size;
  memset(element, 0, element_size);
  return element;
}

static void list_clear(struct list *list) {
  free(list->elements);
  *list = (struct list){0};
}

static char *copy_text(const char *text) {
  if (text == NULL || text[0] == '\0') return NULL;
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  if (copy != NULL) memcpy(copy, text, size);
  return copy;
}

static const char *empty_is_null(const char *text) { return text == NULL || text[0] == '\0' ? NULL : text; }

static bool is_bad(const prtc_address *address) { return address != NULL && address->family == PRTC_HANDLE_BAD_FAMILY; }

static prtc_address value_of(const prtc_address *address) { return address == NULL ? (prtc_address){0} : *address; }

static bool reserve(struct prtc_handle *handle, void **buffer, size_t size) {
  if (*buffer == NULL) *buffer = malloc(size);
  if (*buffer == NULL) handle->code = PRTC_ERROR_NO_MEMORY;
  return *buffer != NULL;
}

static char *text_space(struct prtc_handle *handle) {
  void *text = handle->text;
  if (!reserve(handle, &text, TEXT_SIZE)) return NULL;
  return handle->text = text;
}

/* The peer, or NULL with the code set. */
static prtc_peer *find_peer(struct prtc_handle *handle, uint64_t id) {
  handle->looks = false;
  handle->code = PRTC_ERROR_CLOSED;
  if (handle->endpoint == NULL) return NULL;
  prtc_peer *peer = prtc_endpoint_peer(handle->endpoint, id);
  handle->code = peer == NULL ? PRTC_ERROR_NOT_FOUND : 0;
  return peer;
}

/* For a call that is no command. */
static const prtc_peer *look_at_peer(struct prtc_handle *handle, uint64_t id) {
  const prtc_peer *peer = find_peer(handle, id);
  handle->looks = true;
  return peer;
}

static const char *text_result(struct prtc_handle *handle, int result) {
  handle->code = result < 0 ? result : 0;
  return result < 0 ? NULL : handle->text;
}

/* The same for bytes: NULL for an error and for none. */
static const prtc_handle_bytes *bytes_result(struct prtc_handle *handle, char *text, int size) {
  handle->code = size < 0 ? size : 0;
  handle->bytes = (prtc_handle_bytes){(uint8_t *)text, size > 0 ? (size_t)size : 0};
  return size > 0 ? &handle->bytes : NULL;
}

/* ----------------------------------------------------------------------------------------------------------------- life */

struct prtc_handle *prtc_handle_new(const uint8_t *seed, size_t seed_size, uint64_t now, int64_t wall_clock,
                                    uint32_t log_level, uint32_t key_log, uint64_t capture_size, uint64_t recording_size,
                                    uint32_t udp_port) {
  prtc_endpoint_config config;
  struct prtc_handle *handle = seed_size == sizeof config.seed ? calloc(1, sizeof *handle) : NULL;
  if (handle == NULL) return NULL;
  PRTC_INIT(&config);
  memcpy(config.seed, seed, sizeof config.seed);
  config.now = now;
  config.wall_clock = wall_clock;
  config.log_level = log_level;
  config.key_log = key_log;
  config.capture_size = (size_t)capture_size;
  config.recording_size = (size_t)recording_size;
  config.udp_port = udp_port;
  handle->endpoint = prtc_endpoint_new(&config);
  if (handle->endpoint == NULL) {
    free(handle);
    return NULL;
  }
  return handle;
}

static struct prtc_handle *new_driver(uint32_t log_level, uint32_t portable, uint32_t key_log, uint64_t capture_size,
                                      uint64_t recording_size, uint32_t udp_port) {
  prtc_driver_config config;
  struct prtc_handle *handle = calloc(1, sizeof *handle);
  if (handle == NULL) return NULL;
  PRTC_INIT(&config);
  config.log_level = log_level;
  config.portable = portable;
  config.key_log = key_log;
  config.capture_size = (size_t)capture_size;
  config.recording_size = (size_t)recording_size;
  config.udp_port = udp_port;
  handle->driver = prtc_driver_new(&config);
  if (handle->driver == NULL) {
    int error = errno;
    free(handle);
    errno = error;
    return NULL;
  }
  handle->endpoint = prtc_driver_endpoint(handle->driver);
  return handle;
}

struct prtc_handle *prtc_handle_new_driver(uint32_t log_level, uint32_t key_log, uint64_t capture_size,
                                           uint64_t recording_size, uint32_t udp_port) {
  return new_driver(log_level, 0, key_log, capture_size, recording_size, udp_port);
}

struct prtc_handle *prtc_handle_new_portable_driver(uint32_t log_level, uint32_t key_log, uint64_t capture_size,
                                                    uint64_t recording_size, uint32_t udp_port) {
  return new_driver(log_level, 1, key_log, capture_size, recording_size, udp_port);
}

struct prtc_handle *prtc_handle_new_replay(const uint8_t *data, size_t size, uint32_t log_level, uint32_t key_log,
                                           uint64_t capture_size) {
  prtc_replay_config config;
  struct prtc_handle *handle = calloc(1, sizeof *handle);
  if (handle == NULL) return NULL;
  PRTC_INIT(&config);
  handle->recording = malloc(size + 1);
  if (handle->recording != NULL) {
    if (size > 0) memcpy(handle->recording, data, size);
    config.recording = handle->recording;
    config.recording_size = size;
    config.log_level = log_level;
    config.key_log = key_log;
    config.capture_size = (size_t)capture_size;
    handle->replay = prtc_replay_new(&config);
  }
  if (handle->replay == NULL) {
    free(handle->recording);
    free(handle);
    return NULL;
  }
  handle->endpoint = prtc_replay_endpoint(handle->replay);
  return handle;
}

static void clear_servers(struct prtc_handle *handle) {
  prtc_ice_server *servers = handle->servers.elements;
  for (size_t i = 0; i < handle->servers.count; i++) {
    free((void *)(uintptr_t)servers[i].url);
    free((void *)(uintptr_t)servers[i].username);
    free((void *)(uintptr_t)servers[i].credential);
  }
  list_clear(&handle->servers);
}

struct option {
  char *name, *value;
};

static void clear_options(struct prtc_handle *handle) {
  struct option *options = handle->options.elements;
  for (size_t i = 0; i < handle->options.count; i++) {
    free(options[i].name);
    free(options[i].value);
  }
  list_clear(&handle->options);
}

static void clear_certificates(struct prtc_handle *handle) {
  const char **texts = handle->certificates.elements;
  for (size_t i = 0; i < handle->certificates.count; i++) free((void *)(uintptr_t)texts[i]);
  list_clear(&handle->certificates);
}

static void clear_data(struct prtc_handle *handle) {
  free(handle->data);
  handle->data = NULL;
  handle->data_size = 0;
}

void prtc_handle_forget_arguments(struct prtc_handle *handle) {
  clear_data(handle);
  clear_servers(handle);
  clear_certificates(handle);
  clear_options(handle);
  list_clear(&handle->interfaces);
  list_clear(&handle->addresses);
}

void prtc_handle_close(struct prtc_handle *handle) {
  if (handle->driver != NULL) {
    prtc_driver_free(handle->driver); /* with its endpoint */
  } else if (handle->replay != NULL) {
    prtc_replay_free(handle->replay); /* the same */
  } else {
    prtc_endpoint_free(handle->endpoint);
  }
  free(handle->recording);
  handle->recording = NULL;
  handle->driver = NULL;
  handle->replay = NULL;
  handle->endpoint = NULL;
  handle->event_count = 0;
  prtc_handle_forget_arguments(handle);
  list_clear(&handle->watches);
}

void prtc_handle_free(struct prtc_handle *handle) {
  if (handle == NULL) return;
  prtc_handle_close(handle);
  free(handle->text);
  free(handle->stats_text);
  free(handle->train);
  free(handle);
}

int prtc_handle_enter(struct prtc_handle *handle) { return atomic_exchange(&handle->busy, 1) == 0; }

void prtc_handle_leave(struct prtc_handle *handle) { atomic_store(&handle->busy, 0); }

int prtc_handle_code(struct prtc_handle *handle) { return handle->code; }

/* --------------------------------------------------------------------------------------------------------------- driver */

static int without_driver(const struct prtc_handle *handle) {
  return handle->endpoint == NULL ? PRTC_ERROR_CLOSED : PRTC_ERROR_INVALID_STATE;
}

int prtc_handle_process(struct prtc_handle *handle) {
  return handle->driver == NULL ? without_driver(handle) : prtc_driver_process(handle->driver);
}

int prtc_handle_flush(struct prtc_handle *handle) {
  return handle->driver == NULL ? without_driver(handle) : prtc_driver_flush(handle->driver);
}

int prtc_handle_descriptor(struct prtc_handle *handle) {
  return handle->driver == NULL ? without_driver(handle) : prtc_driver_descriptor(handle->driver);
}

uint64_t prtc_handle_now(struct prtc_handle *handle) {
  return handle->driver == NULL ? 0 : prtc_driver_now(handle->driver);
}

int prtc_handle_watches(struct prtc_handle *handle) {
  if (handle->driver == NULL) return without_driver(handle);
  size_t count = (size_t)prtc_driver_watches(handle->driver, NULL, 0);
  handle->watches.count = 0;
  while (handle->watches.count < count) {
    if (list_add(&handle->watches, sizeof(prtc_watch)) == NULL) return PRTC_ERROR_NO_MEMORY;
  }
  return prtc_driver_watches(handle->driver, handle->watches.elements, count);
}

int prtc_handle_watched(struct prtc_handle *handle, uint32_t index) {
  const prtc_watch *watches = handle->watches.elements;
  return index < handle->watches.count ? watches[index].descriptor : -1;
}

uint32_t prtc_handle_watched_for(struct prtc_handle *handle, uint32_t index) {
  const prtc_watch *watches = handle->watches.elements;
  return index < handle->watches.count ? watches[index].input | watches[index].output << 1 : 0;
}

uint64_t prtc_handle_watched_id(struct prtc_handle *handle, uint32_t index) {
  const prtc_watch *watches = handle->watches.elements;
  return index < handle->watches.count ? watches[index].id : 0;
}

int64_t prtc_handle_wake_up(struct prtc_handle *handle) {
  prtc_time deadline = handle->driver == NULL ? PRTC_NEVER : prtc_driver_deadline(handle->driver);
  return deadline > INT64_MAX ? -1 : (int64_t)deadline;
}

int prtc_handle_round(struct prtc_handle *handle, uint32_t ready, prtc_event *out, size_t capacity) {
  if (handle->driver == NULL) return without_driver(handle);
  handle->event_count = 0;
  for (int i = 0; i < ROUNDS_PER_CALL; i++) {
    (void)prtc_driver_flush(handle->driver); /* one that has failed says so in an event */
    int count = prtc_endpoint_event(handle->endpoint, out, capacity);
    if (count != 0 || ready == 0) return count;
    if (prtc_driver_wait(handle->driver, 0) == 0) return 0;
    (void)prtc_driver_process(handle->driver);
  }
  return PRTC_ERROR_AGAIN;
}

/* ----------------------------------------------------------------------------------------------------------- five verbs */

int prtc_handle_receive_many(struct prtc_handle *handle, uint64_t now, const prtc_datagram *datagrams, size_t count) {
  if (handle->endpoint == NULL) return PRTC_ERROR_CLOSED;
  for (size_t i = 0; i < count; i++) {
    if (is_bad(&datagrams[i].local) || is_bad(&datagrams[i].remote)) return PRTC_ERROR_INVALID_ARGUMENT;
  }
  return prtc_endpoint_receive(handle->endpoint, now, datagrams, count);
}

int prtc_handle_receive(struct prtc_handle *handle, uint64_t now, uint64_t socket, const prtc_address *local,
                        const prtc_address *remote, const uint8_t *data, size_t size, uint32_t segment_size, uint32_t ecn) {
  prtc_datagram datagram = {
      .socket = socket,
      .local = value_of(local),
      .remote = value_of(remote),
      .data = data,
      .size = size,
      .segment_size = segment_size,
      .ecn = ecn,
  };
  return prtc_handle_receive_many(handle, now, &datagram, 1);
}

const prtc_datagram *prtc_handle_transmit(struct prtc_handle *handle, uint64_t now) {
  void *train = handle->train;
  handle->code = PRTC_ERROR_CLOSED;
  if (handle->endpoint == NULL || !reserve(handle, &train, PRTC_TRAIN_SIZE)) return NULL;
  handle->train = train;
  int size = prtc_endpoint_transmit(handle->endpoint, now, &handle->datagram, handle->train, PRTC_TRAIN_SIZE);
  handle->code = size < 0 ? size : 0;
  return size > 0 ? &handle->datagram : NULL;
}

int64_t prtc_handle_deadline(struct prtc_handle *handle) {
  prtc_time deadline = handle->endpoint == NULL ? PRTC_NEVER : prtc_endpoint_deadline(handle->endpoint);
  return deadline > INT64_MAX ? -1 : (int64_t)deadline;
}

int prtc_handle_timeout(struct prtc_handle *handle, uint64_t now) {
  return handle->endpoint == NULL ? PRTC_ERROR_CLOSED : prtc_endpoint_timeout(handle->endpoint, now);
}

int prtc_handle_fetch(struct prtc_handle *handle) {
  handle->event_count = 0;
  if (handle->endpoint == NULL) return PRTC_ERROR_CLOSED;
  int count = prtc_endpoint_event(handle->endpoint, handle->batch, EVENT_BATCH);
  handle->events = handle->batch;
  if (count > 0) handle->event_count = (size_t)count;
  return count;
}

const prtc_event *prtc_handle_event(struct prtc_handle *handle, uint32_t index) {
  handle->code = index < handle->event_count ? 0 : PRTC_ERROR_NOT_FOUND;
  return index < handle->event_count ? &handle->events[index] : NULL;
}

/* ------------------------------------------------------------------------------------------------------------- requests */

const prtc_request *prtc_handle_request(struct prtc_handle *handle) {
  handle->code = PRTC_ERROR_CLOSED;
  if (handle->endpoint == NULL) return NULL;
  int result = prtc_endpoint_request(handle->endpoint, &handle->request);
  handle->code = result < 0 ? result : 0;
  return result > 0 ? &handle->request : NULL;
}

int prtc_handle_add_interface(struct prtc_handle *handle, const prtc_address *address, uint32_t index,
                              uint32_t network_type, uint32_t temporary, const char *name) {
  if (is_bad(address) || name == NULL) return PRTC_ERROR_INVALID_ARGUMENT;
  prtc_interface *interface = list_add(&handle->interfaces, sizeof *interface);
  if (interface == NULL) return PRTC_ERROR_NO_MEMORY;
  interface->address = value_of(address);
  interface->address.port = 0;
  interface->index = index;
  interface->network_type = network_type;
  interface->temporary = temporary;
  size_t size = strlen(name);
  memcpy(interface->name, name, size < sizeof interface->name ? size : sizeof interface->name - 1);
  return 0;
}

int prtc_handle_add_address(struct prtc_handle *handle, const prtc_address *address) {
  if (is_bad(address)) return PRTC_ERROR_INVALID_ARGUMENT;
  prtc_address *element = list_add(&handle->addresses, sizeof *element);
  if (element == NULL) return PRTC_ERROR_NO_MEMORY;
  *element = value_of(address);
  return 0;
}

int prtc_handle_add_data(struct prtc_handle *handle, const uint8_t *data, size_t size) {
  clear_data(handle);
  handle->data = malloc(size > 0 ? size : 1);
  if (handle->data == NULL) return PRTC_ERROR_NO_MEMORY;
  if (size > 0) memcpy(handle->data, data, size);
  handle->data_size = size;
  return 0;
}

int prtc_handle_reply(struct prtc_handle *handle, uint64_t now, uint64_t id, int code, int system_error,
                      const prtc_address *address) {
  prtc_reply reply;
  int result = is_bad(address) ? PRTC_ERROR_INVALID_ARGUMENT : handle->endpoint == NULL ? PRTC_ERROR_CLOSED : 0;
  PRTC_INIT(&reply);
  reply.id = id;
  reply.code = code;
  reply.system_error = system_error;
  reply.address = value_of(address);
  reply.interfaces = handle->interfaces.elements;
  reply.interface_count = handle->interfaces.count;
  reply.addresses = handle->addresses.elements;
  reply.address_count = handle->addresses.count;
  reply.data = handle->data;
  reply.data_size = handle->data_size;
  if (result == 0) result = prtc_endpoint_reply(handle->endpoint, now, &reply);
  clear_data(handle);
  list_clear(&handle->interfaces);
  list_clear(&handle->addresses);
  return result;
}

uint64_t prtc_handle_accepted(struct prtc_handle *handle, uint64_t now, uint64_t listener, const prtc_address *local,
                              const prtc_address *remote) {
  prtc_socket_id connection = 0;
  const prtc_address from = value_of(local), to = value_of(remote);
  handle->code = is_bad(local) || is_bad(remote) ? PRTC_ERROR_INVALID_ARGUMENT
                 : handle->endpoint == NULL
                     ? PRTC_ERROR_CLOSED
                     : prtc_endpoint_accepted(handle->endpoint, now, listener, &from, &to, &connection);
  return handle->code < 0 ? 0 : connection;
}

int prtc_handle_writable(struct prtc_handle *handle, uint64_t now, uint64_t connection, uint32_t writable) {
  if (handle->endpoint == NULL) return PRTC_ERROR_CLOSED;
  return prtc_endpoint_writable(handle->endpoint, now, connection, writable != 0);
}

int prtc_handle_socket_closed(struct prtc_handle *handle, uint64_t now, uint64_t socket, int system_error) {
  if (handle->endpoint == NULL) return PRTC_ERROR_CLOSED;
  return prtc_endpoint_socket_closed(handle->endpoint, now, socket, system_error);
}

int prtc_handle_unreachable(struct prtc_handle *handle, uint64_t now, uint64_t socket, const prtc_address *remote,
                            int system_error) {
  if (remote == NULL || is_bad(remote)) return PRTC_ERROR_INVALID_ARGUMENT;
  if (handle->endpoint == NULL) return PRTC_ERROR_CLOSED;
  return prtc_endpoint_unreachable(handle->endpoint, now, socket, remote, system_error);
}

int prtc_handle_interfaces_changed(struct prtc_handle *handle, uint64_t now) {
  return handle->endpoint == NULL ? PRTC_ERROR_CLOSED : prtc_endpoint_interfaces_changed(handle->endpoint, now);
}

/* ---------------------------------------------------------------------------------------------------------------- peers */

int prtc_handle_add_ice_server(struct prtc_handle *handle, const char *url, const char *username, const char *credential) {
  if (empty_is_null(url) == NULL) return PRTC_ERROR_SYNTAX;
  prtc_ice_server *server = list_add(&handle->servers, sizeof *server);
  if (server == NULL) return PRTC_ERROR_NO_MEMORY;
  server->url = copy_text(url);
  server->username = copy_text(username);
  server->credential = copy_text(credential);
  bool complete = server->url != NULL && (server->username != NULL) == (empty_is_null(username) != NULL) &&
                  (server->credential != NULL) == (empty_is_null(credential) != NULL);
  return complete ? 0 : PRTC_ERROR_NO_MEMORY;
}

int prtc_handle_add_certificate(struct prtc_handle *handle, const char *pem) {
  if (empty_is_null(pem) == NULL) return PRTC_ERROR_SYNTAX;
  const char **text = list_add(&handle->certificates, sizeof *text);
  if (text == NULL) return PRTC_ERROR_NO_MEMORY;
  *text = copy_text(pem);
  return *text != NULL ? 0 : PRTC_ERROR_NO_MEMORY;
}

int prtc_handle_add_option(struct prtc_handle *handle, const char *name, const char *value) {
  prtc_peer_config probe;
  int code = prtc_peer_config_set(&probe, name, value);
  if (code < 0) return code;
  struct option *option = list_add(&handle->options, sizeof *option);
  if (option == NULL) return PRTC_ERROR_NO_MEMORY;
  option->name = copy_text(name);
  option->value = copy_text(value);
  return option->name != NULL && (option->value != NULL) == (empty_is_null(value) != NULL) ? 0 : PRTC_ERROR_NO_MEMORY;
}

/* With what was added for it; clear_configuration afterwards. */
static prtc_peer_config gathered_configuration(struct prtc_handle *handle, uint32_t ice_transport_policy,
                                               uint32_t use_loopback, uint32_t max_message_size, uint32_t send_queue_size,
                                               uint32_t mtu) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.ice_servers = handle->servers.elements;
  config.ice_server_count = handle->servers.count;
  config.certificates = handle->certificates.elements;
  config.certificate_count = handle->certificates.count;
  config.ice_transport_policy = ice_transport_policy;
  config.use_loopback = use_loopback;
  config.max_message_size = max_message_size;
  config.send_queue_size = send_queue_size;
  config.mtu = mtu;
  const struct option *options = handle->options.elements;
  for (size_t i = 0; i < handle->options.count; i++) (void)prtc_peer_config_set(&config, options[i].name, options[i].value);
  return config;
}

static void clear_configuration(struct prtc_handle *handle) {
  clear_servers(handle);
  clear_certificates(handle);
  clear_options(handle);
}

uint64_t prtc_handle_create_peer(struct prtc_handle *handle, uint64_t now, uint32_t ice_transport_policy,
                                 uint32_t use_loopback, uint32_t max_message_size, uint32_t send_queue_size, uint32_t mtu) {
  prtc_peer *peer = NULL;
  const prtc_peer_config config =
      gathered_configuration(handle, ice_transport_policy, use_loopback, max_message_size, send_queue_size, mtu);
  handle->code = handle->endpoint == NULL ? PRTC_ERROR_CLOSED : prtc_peer_new(handle->endpoint, now, &config, &peer);
  clear_configuration(handle);
  return handle->code < 0 ? 0 : prtc_peer_get_id(peer);
}

int prtc_handle_set_configuration(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint32_t ice_transport_policy) {
  prtc_peer *found = find_peer(handle, peer);
  const prtc_peer_config config = gathered_configuration(handle, ice_transport_policy, 0, 0, 0, 0);
  int code = found == NULL ? handle->code : prtc_peer_set_configuration(found, now, &config);
  clear_configuration(handle);
  return code;
}

int prtc_handle_free_peer(struct prtc_handle *handle, uint64_t peer) {
  prtc_peer_free(find_peer(handle, peer));
  return handle->code;
}

const char *prtc_handle_peer_message(struct prtc_handle *handle, uint64_t peer) {
  if (peer == 0) return handle->endpoint == NULL ? "" : prtc_endpoint_refusal(handle->endpoint);
  if (handle->looks) return "";
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? "" : prtc_peer_error_message(found);
}

const char *prtc_handle_create_offer(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint32_t ice_restart) {
  prtc_peer *found = find_peer(handle, peer);
  char *text = found == NULL ? NULL : text_space(handle);
  if (text == NULL) return NULL;
  prtc_offer_options options;
  PRTC_INIT(&options);
  options.ice_restart = ice_restart;
  return text_result(handle, prtc_peer_create_offer(found, now, &options, text, TEXT_SIZE));
}

const char *prtc_handle_create_answer(struct prtc_handle *handle, uint64_t peer, uint64_t now) {
  prtc_peer *found = find_peer(handle, peer);
  char *text = found == NULL ? NULL : text_space(handle);
  return text == NULL ? NULL : text_result(handle, prtc_peer_create_answer(found, now, text, TEXT_SIZE));
}

int prtc_handle_set_local_description(struct prtc_handle *handle, uint64_t peer, uint64_t now, int type, const char *text,
                                      size_t text_size) {
  prtc_peer *found = find_peer(handle, peer);
  if (found == NULL) return handle->code;
  return prtc_peer_set_local_description(found, now, (prtc_sdp_type)type, text_size == 0 ? NULL : text, text_size);
}

int prtc_handle_set_remote_description(struct prtc_handle *handle, uint64_t peer, uint64_t now, int type, const char *text,
                                       size_t text_size) {
  prtc_peer *found = find_peer(handle, peer);
  if (found == NULL) return handle->code;
  return prtc_peer_set_remote_description(found, now, (prtc_sdp_type)type, text, text_size);
}

int prtc_handle_add_ice_candidate(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *candidate,
                                  const char *mid, int index, const char *ufrag) {
  prtc_peer *found = find_peer(handle, peer);
  if (found == NULL) return handle->code;
  if (candidate == NULL) candidate = "";
  return prtc_peer_add_ice_candidate(found, now, candidate, empty_is_null(mid), index, empty_is_null(ufrag));
}

int prtc_handle_restart_ice(struct prtc_handle *handle, uint64_t peer, uint64_t now) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_restart_ice(found, now);
}

int prtc_handle_gather(struct prtc_handle *handle, uint64_t peer, uint64_t now) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_gather(found, now);
}

const char *prtc_handle_parameters(struct prtc_handle *handle, uint64_t peer) {
  const prtc_peer *found = look_at_peer(handle, peer);
  char *text = found == NULL ? NULL : text_space(handle);
  return text == NULL ? NULL : text_result(handle, prtc_peer_get_parameters(found, text, TEXT_SIZE));
}

int prtc_handle_start_ice(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text, size_t size,
                          uint32_t controlling) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_start_ice(found, now, text, size, controlling != 0);
}

int prtc_handle_add_candidates(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text, size_t size) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_add_candidates(found, now, text, size);
}

int prtc_handle_set_certificate(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *pem) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_set_certificate(found, now, pem);
}

int prtc_handle_start_dtls(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text, size_t size) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_start_dtls(found, now, text, size);
}

int prtc_handle_start_sctp(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text, size_t size) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_start_sctp(found, now, text, size);
}

int prtc_handle_send_raw(struct prtc_handle *handle, uint64_t peer, uint64_t now, const uint8_t *data, size_t size) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_send_raw(found, now, data, size);
}

const char *prtc_handle_description(struct prtc_handle *handle, uint64_t peer, int which) {
  const prtc_peer *found = look_at_peer(handle, peer);
  char *text = found == NULL ? NULL : text_space(handle);
  if (text == NULL) return NULL;
  int size = prtc_peer_get_description(found, (prtc_description)which, &handle->description_type, text, TEXT_SIZE);
  return size == 0 ? NULL : text_result(handle, size);
}

int prtc_handle_description_type(struct prtc_handle *handle) { return (int)handle->description_type; }

const prtc_peer_states *prtc_handle_states(struct prtc_handle *handle, uint64_t peer) {
  const prtc_peer *found = look_at_peer(handle, peer);
  if (found == NULL) return NULL;
  PRTC_INIT(&handle->states);
  handle->code = prtc_peer_get_states(found, &handle->states);
  return handle->code < 0 ? NULL : &handle->states;
}

int prtc_handle_close_peer(struct prtc_handle *handle, uint64_t peer, uint64_t now) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_close(found, now);
}

/* ------------------------------------------------------------------------------------------------------------- channels */

uint64_t prtc_handle_create_data_channel(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text,
                                         size_t text_size, const char *protocol, uint32_t ordered, int64_t max_retransmits,
                                         int64_t max_packet_life_time, uint32_t negotiated, int64_t stream_id,
                                         uint32_t priority) {
  prtc_peer *found = find_peer(handle, peer);
  if (found == NULL) return 0;
  if (max_retransmits > UINT32_MAX || max_packet_life_time > UINT32_MAX || stream_id >= UINT32_MAX) {
    handle->code = PRTC_ERROR_INVALID_ARGUMENT;
    return 0;
  }
  prtc_channel_config config;
  prtc_channel_id channel = 0;
  PRTC_INIT(&config);
  config.label = text;
  config.label_size = text_size;
  config.protocol = protocol;
  config.protocol_size = protocol == NULL ? 0 : strlen(protocol);
  config.unordered = ordered == 0;
  config.has_max_retransmits = max_retransmits >= 0;
  config.max_retransmits = max_retransmits >= 0 ? (uint32_t)max_retransmits : 0;
  config.has_max_packet_life_time = max_packet_life_time >= 0;
  config.max_packet_life_time = max_packet_life_time >= 0 ? (uint32_t)max_packet_life_time : 0;
  config.negotiated = negotiated;
  config.stream_id = stream_id >= 0 ? (uint32_t)stream_id : PRTC_STREAM_NONE;
  config.priority = priority;
  handle->code = prtc_peer_create_data_channel(found, now, &config, &channel);
  return handle->code < 0 ? 0 : channel;
}

int prtc_handle_send_text(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel, const char *text,
                          size_t text_size) {
  prtc_peer *found = find_peer(handle, peer);
  if (found == NULL) return handle->code;
  return prtc_peer_send(found, now, channel, PRTC_MESSAGE_TEXT, (const uint8_t *)text, text_size);
}

int prtc_handle_send_bytes(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel, const uint8_t *data,
                           size_t size) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_send(found, now, channel, PRTC_MESSAGE_BINARY, data, size);
}

int prtc_handle_close_channel(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_close_channel(found, now, channel);
}

int prtc_handle_send_text_part(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel, const char *text,
                               size_t text_size, uint32_t flags) {
  prtc_peer *found = find_peer(handle, peer);
  if (found == NULL) return handle->code;
  return prtc_peer_send_part(found, now, channel, PRTC_MESSAGE_TEXT, (const uint8_t *)text, text_size, flags);
}

int prtc_handle_send_bytes_part(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel,
                                const uint8_t *data, size_t size, uint32_t flags) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_send_part(found, now, channel, PRTC_MESSAGE_BINARY, data, size, flags);
}

int prtc_handle_set_streaming(struct prtc_handle *handle, uint64_t peer, uint64_t channel, uint32_t streaming) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_set_channel_streaming(found, channel, streaming != 0);
}

int prtc_handle_pause_messages(struct prtc_handle *handle, uint64_t peer, uint32_t paused) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_pause_messages(found, paused != 0);
}

int prtc_handle_set_threshold(struct prtc_handle *handle, uint64_t peer, uint64_t channel, uint64_t threshold) {
  prtc_peer *found = find_peer(handle, peer);
  return found == NULL ? handle->code : prtc_peer_set_buffered_amount_low_threshold(found, channel, threshold);
}

const prtc_channel_info *prtc_handle_channel_info(struct prtc_handle *handle, uint64_t peer, uint64_t channel) {
  const prtc_peer *found = look_at_peer(handle, peer);
  if (found == NULL) return NULL;
  PRTC_INIT(&handle->channel_info);
  handle->code = prtc_peer_channel_info(found, channel, &handle->channel_info);
  return handle->code < 0 ? NULL : &handle->channel_info;
}

/* -------------------------------------------------------------------------------------------------------------- insight */

/* As large as it has to be: many channels take more than any description. */
const char *prtc_handle_peer_stats(struct prtc_handle *handle, uint64_t peer, uint64_t now) {
  const prtc_peer *found = look_at_peer(handle, peer);
  if (found == NULL) return NULL;
  for (size_t capacity = TEXT_SIZE;; capacity *= 2) {
    char *larger = realloc(handle->stats_text, capacity);
    if (larger == NULL) {
      handle->code = PRTC_ERROR_NO_MEMORY;
      return NULL;
    }
    handle->stats_text = larger;
    handle->code = prtc_peer_get_stats(found, now, handle->stats_text, capacity);
    if (handle->code >= 0) {
      handle->code = 0;
      return handle->stats_text;
    }
    if (handle->code != PRTC_ERROR_BUFFER_TOO_SMALL) return NULL;
  }
}

const char *prtc_handle_fingerprint(struct prtc_handle *handle, uint64_t peer) {
  prtc_peer *found = find_peer(handle, peer);
  char *text = found == NULL ? NULL : text_space(handle);
  return text == NULL ? NULL : text_result(handle, prtc_peer_get_fingerprint(found, text, TEXT_SIZE));
}

const prtc_address *prtc_handle_selected_local(struct prtc_handle *handle, uint64_t peer) {
  const prtc_peer *found = look_at_peer(handle, peer);
  if (found == NULL) return NULL;
  int result = prtc_peer_get_selected_pair(found, &handle->local, &handle->remote);
  handle->code = result < 0 ? result : 0;
  return result > 0 ? &handle->local : NULL;
}

const prtc_address *prtc_handle_selected_remote(struct prtc_handle *handle) { return &handle->remote; }

const prtc_handle_bytes *prtc_handle_remote_certificate(struct prtc_handle *handle, uint64_t peer) {
  const prtc_peer *found = look_at_peer(handle, peer);
  char *text = found == NULL ? NULL : text_space(handle);
  if (text == NULL) return NULL;
  return bytes_result(handle, text, prtc_peer_get_remote_certificate(found, (uint8_t *)text, TEXT_SIZE));
}

const char *prtc_handle_log(struct prtc_handle *handle) {
  handle->code = PRTC_ERROR_CLOSED;
  char *text = handle->endpoint == NULL ? NULL : text_space(handle);
  if (text == NULL) return NULL;
  int size = prtc_endpoint_log(handle->endpoint, text, TEXT_SIZE);
  return size == 0 ? NULL : text_result(handle, size);
}

int prtc_handle_set_log_level(struct prtc_handle *handle, const char *layer, uint32_t level) {
  if (handle->endpoint == NULL) return PRTC_ERROR_CLOSED;
  return prtc_endpoint_set_log_level(handle->endpoint, empty_is_null(layer), level);
}

const prtc_handle_bytes *prtc_handle_output(struct prtc_handle *handle, int which) {
  handle->code = PRTC_ERROR_CLOSED;
  char *text = handle->endpoint == NULL ? NULL : text_space(handle);
  if (text == NULL) return NULL;
  return bytes_result(handle, text, prtc_endpoint_output(handle->endpoint, (prtc_output)which, (uint8_t *)text, TEXT_SIZE));
}

/* --------------------------------------------------------------------------------------------------------------- replay */

int prtc_handle_replay_next(struct prtc_handle *handle) {
  handle->event_count = 0;
  if (handle->replay == NULL) return handle->endpoint == NULL ? PRTC_ERROR_CLOSED : PRTC_ERROR_INVALID_STATE;
  int code = prtc_replay_next(handle->replay, &handle->step);
  handle->events = handle->step.events;
  handle->event_count = handle->step.event_count;
  return code;
}

int prtc_handle_replay_events(struct prtc_handle *handle) { return (int)handle->event_count; }
uint64_t prtc_handle_replay_number(struct prtc_handle *handle) { return handle->step.number; }
uint64_t prtc_handle_replay_time(struct prtc_handle *handle) { return handle->step.time; }
const char *prtc_handle_replay_call(struct prtc_handle *handle) { return handle->step.call; }
int prtc_handle_replay_code(struct prtc_handle *handle) { return handle->step.code; }
uint64_t prtc_handle_replay_size(struct prtc_handle *handle) { return handle->step.data_size; }
const char *prtc_handle_replay_message(struct prtc_handle *handle) {
  return handle->replay == NULL ? "" : prtc_replay_message(handle->replay);
}

const prtc_endpoint_stats *prtc_handle_stats(struct prtc_handle *handle) {
  handle->code = PRTC_ERROR_CLOSED;
  if (handle->endpoint == NULL) return NULL;
  PRTC_INIT(&handle->stats);
  handle->code = prtc_endpoint_get_stats(handle->endpoint, &handle->stats);
  return handle->code < 0 ? NULL : &handle->stats;
}

const char *prtc_handle_address_text(const prtc_address *address, char *out) {
  if (address->family == PRTC_FAMILY_NONE) return "";
  return prtc_address_print(address, out, PRTC_ADDRESS_TEXT_SIZE) < 0 ? "?" : out;
}

void prtc_handle_read_address(const char *text, size_t size, prtc_address *out) {
  memset(out, 0, sizeof *out);
  if (size > 0 && prtc_address_parse(out, text, size) < 0) out->family = PRTC_HANDLE_BAD_FAMILY;
}

/* --------------------------------------------------------------------------------------------------------- certificates */

struct prtc_handle_certificate {
  prtc_context *context;
  prtc_certificate *certificate; /* NULL before generate or parse */
  prtc_fingerprint fingerprint;
  char text[PRTC_CERTIFICATE_PEM_SIZE];
};

struct prtc_handle_certificate *prtc_handle_certificate_new(const uint8_t *seed, size_t seed_size) {
  prtc_context_config config;
  struct prtc_handle_certificate *certificate = seed_size == sizeof config.seed ? calloc(1, sizeof *certificate) : NULL;
  if (certificate == NULL) return NULL;
  PRTC_INIT(&config);
  memcpy(config.seed, seed, sizeof config.seed);
  certificate->context = prtc_context_new(&config);
  if (certificate->context != NULL) return certificate;
  free(certificate);
  return NULL;
}

void prtc_handle_certificate_free(struct prtc_handle_certificate *certificate) {
  if (certificate == NULL) return;
  prtc_certificate_release(certificate->certificate);
  prtc_context_free(certificate->context);
  free(certificate);
}

int prtc_handle_certificate_generate(struct prtc_handle_certificate *certificate, uint32_t key_type, int64_t wall_clock,
                                     int64_t expires) {
  if (certificate->certificate != NULL) return PRTC_ERROR_INVALID_STATE;
  prtc_certificate_config config;
  PRTC_INIT(&config);
  config.key_type = key_type;
  config.wall_clock = wall_clock;
  config.expires = expires;
  return prtc_certificate_generate(certificate->context, &config, &certificate->certificate);
}

int prtc_handle_certificate_parse(struct prtc_handle_certificate *certificate, const char *text, size_t text_size) {
  if (certificate->certificate != NULL) return PRTC_ERROR_INVALID_STATE;
  return prtc_certificate_parse(certificate->context, text, text_size, &certificate->certificate);
}

const char *prtc_handle_certificate_pem(struct prtc_handle_certificate *certificate) {
  if (certificate->certificate == NULL) return NULL;
  int size = prtc_certificate_print(certificate->certificate, certificate->text, sizeof certificate->text);
  return size < 0 ? NULL : certificate->text;
}

int64_t prtc_handle_certificate_expires(struct prtc_handle_certificate *certificate) {
  return certificate->certificate == NULL ? -1 : prtc_certificate_get_expires(certificate->certificate);
}

const char *prtc_handle_certificate_fingerprint(struct prtc_handle_certificate *certificate, const char *algorithm) {
  if (certificate->certificate == NULL || algorithm == NULL) return NULL;
  int code = prtc_certificate_get_fingerprint(certificate->certificate, algorithm, &certificate->fingerprint);
  return code < 0 ? NULL : certificate->fingerprint.value;
}
