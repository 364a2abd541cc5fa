/* One peer: its life, its transport, and how its endpoint drives it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/config.h"
#include "core/base/text.h"
#include "core/peer/options.h"
#include "core/peer/state.h"
#include "core/tls/tls.h"
#include "core/transport/filter.h"

/* -------------------------------------------------------------------------------------------------------- configuration */

static void forget_servers(prtc_peer *peer, struct peer_server *servers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    prtc_release(peer->context, servers[i].username);
    prtc_release(peer->context, servers[i].credential);
  }
  prtc_release(peer->context, servers);
}

/* W3C section 4.4.1.6, "validate an ICE server". */
static int read_credentials(prtc_peer *peer, struct peer_server *out, const prtc_ice_server *server, const char **reason) {
  static const size_t longest = 508; /* RFC 8489 section 14.3 */
  if (server->username == NULL || server->credential == NULL) {
    *reason = "a TURN server needs a username and a credential";
    return PRTC_ERROR_INVALID_ACCESS;
  }
  if (strlen(server->username) > longest) {
    *reason = "the username of a TURN server is longer than 508 bytes";
    return PRTC_ERROR_INVALID_ACCESS;
  }
  out->username = prtc_copy_text(peer->context, server->username, strlen(server->username));
  out->credential = prtc_copy_text(peer->context, server->credential, strlen(server->credential));
  return out->username != NULL && out->credential != NULL ? PRTC_OK : PRTC_ERROR_NO_MEMORY;
}

static int read_server(prtc_peer *peer, struct peer_server *out, const prtc_ice_server *server, const char **reason) {
  if (server->url == NULL) {
    *reason = "an ICE server has no URL";
    return PRTC_ERROR_SYNTAX;
  }
  int result = prtc_server_url_parse(&out->url, server->url, reason);
  if (result < 0) return result;
  if (out->url.kind == PRTC_SERVER_STUN) return PRTC_OK;
  if (out->url.kind == PRTC_SERVER_STUNS) {
    *reason = "stuns: is not supported: over TLS a server sees no address that UDP could use";
    return PRTC_ERROR_NOT_SUPPORTED;
  }
  if (out->url.kind == PRTC_SERVER_TURNS && out->url.transport == PRTC_SERVER_UDP) {
    *reason = "turns: over UDP, which is DTLS, is not supported";
    return PRTC_ERROR_NOT_SUPPORTED;
  }
  return read_credentials(peer, out, server, reason);
}

/* They replace those there are, which stay when one of them is refused. */
static int read_servers(prtc_peer *peer, const prtc_peer_config *config, const char **reason) {
  size_t count = config->ice_server_count;
  if (count > PRTC_ICE_SERVERS_MAX) {
    *reason = "more than 8 ICE servers";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  struct peer_server *servers = count == 0 ? NULL : prtc_allocate(peer->context, count * sizeof *servers);
  int result = count > 0 && servers == NULL ? PRTC_ERROR_NO_MEMORY : PRTC_OK;
  for (size_t i = 0; i < count && result == PRTC_OK; i++) {
    result = read_server(peer, &servers[i], &config->ice_servers[i], reason);
  }
  if (result < 0) {
    forget_servers(peer, servers, servers != NULL ? count : 0);
    return result;
  }
  forget_servers(peer, peer->servers, peer->server_count);
  peer->servers = servers;
  peer->server_count = count;
  return PRTC_OK;
}

int prtc_peer_read_certificate(prtc_peer *peer, const char *pem, prtc_certificate **out, const char **reason) {
  int result = peer->host.read_certificate(peer->host.endpoint, pem, out);
  if (result < 0) {
    *reason = result == PRTC_ERROR_INVALID_ACCESS      ? "a certificate has expired"
              : result == PRTC_ERROR_SYNTAX           ? "a certificate is not PEM of a certificate and its private key"
              : result == PRTC_ERROR_INVALID_ARGUMENT ? "a certificate's private key belongs to another certificate"
                                                      : "a certificate is not usable";
  }
  return result;
}

/* W3C section 4.4.1.6: all are checked, one is used. */
static int read_certificates(prtc_peer *peer, const prtc_peer_config *config, const char **reason) {
  for (size_t i = 0; i < config->certificate_count; i++) {
    prtc_certificate *certificate;
    int result = prtc_peer_read_certificate(peer, config->certificates[i], &certificate, reason);
    if (result < 0) return result;
    if (i == 0) peer->certificate = certificate;
    else prtc_certificate_release(certificate);
  }
  return PRTC_OK;
}

static const char *check_addresses(const prtc_peer_config *config) {
  const char *mappings = config->address_mappings;
  struct prtc_mapping mapping;
  size_t count = 0;
  int code;
  while ((code = prtc_mapping_next(&mappings, &mapping)) > 0) count++;
  if (code < 0) return "address_mappings is not of the form \"10.0.0.2=203.0.113.2\"";
  if (count > PRTC_ICE_MAPPINGS_MAX) return "more than 16 address mappings";
  if (!prtc_filter_is_of_addresses(config->address_filter)) return "address_filter is not of addresses and prefixes";
  if (config->port_minimum > config->port_maximum || config->port_maximum > UINT16_MAX) return "the ports are no range";
  if (config->port_maximum != 0 && config->port_minimum == 0) return "the ports are no range";
  return NULL;
}

enum { TIMEOUT_MOST = 3600 * 1000 }; /* ms, of ICE */

static bool is_given(const char *text) { return text != NULL && text[0] != '\0'; }

/* As prtc_ice_config has them. */
static bool credentials_are_good(const char *ufrag, const char *password) {
  prtc_ice_parameters parameters = {0};
  if (!is_given(ufrag) && !is_given(password)) return true;
  if (!is_given(ufrag) || !is_given(password) || strlen(ufrag) > 32 || strlen(password) > 64) return false;
  memcpy(parameters.ufrag, ufrag, strlen(ufrag));
  memcpy(parameters.password, password, strlen(password));
  return prtc_ice_check_parameters(&parameters) == PRTC_OK;
}

/* Four of the largest datagrams fill what a UDP_SEGMENT call takes, and each fits a DTLS record (2^14 bytes). */
enum { MTU_LEAST = 576, MTU_MOST = 16376 };

/* Fills in defaults, and refuses what is outside its range. */
static int complete_config(prtc_peer_config *config, const char **reason) {
  if (config->max_message_size == 0) config->max_message_size = PRTC_MAX_MESSAGE_SIZE_DEFAULT;
  if (config->send_queue_size == 0) config->send_queue_size = PRTC_SEND_QUEUE_DEFAULT;
  if (config->mtu == 0) config->mtu = 1200;
  if (config->max_mtu == 0) config->max_mtu = MTU_MOST;
  if (config->mtu < MTU_LEAST || config->mtu > MTU_MOST || config->max_mtu < MTU_LEAST || config->max_mtu > MTU_MOST) {
    *reason = "the MTU is not from 576 to 16,376 bytes";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (config->max_message_size > PRTC_MAX_MESSAGE_SIZE_MOST && config->max_message_size != PRTC_MAX_MESSAGE_SIZE_NONE) {
    *reason = "max_message_size is more than 256 MiB";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (config->ice_pacing != 0 && (config->ice_pacing < 5 || config->ice_pacing > PRTC_ICE_PACING_MOST)) {
    *reason = "the pace of ICE is not from 5 to 10,000 ms";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (config->ice_disconnect_timeout > TIMEOUT_MOST || config->ice_consent_timeout > TIMEOUT_MOST) {
    *reason = "a time limit of ICE is more than an hour";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (!credentials_are_good(config->ice_ufrag, config->ice_password)) {
    *reason = "the ICE credentials are not 4 to 32 and 22 to 64 letters, digits, + and /";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (config->tcp_candidates > PRTC_TCP_CANDIDATES_ALL) {
    *reason = "unknown kind of TCP candidates";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (config->ice_transport_policy > PRTC_ICE_POLICY_RELAY) {
    *reason = "unknown ICE transport policy";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  if (config->ice_candidate_pool_size > UINT8_MAX) {
    *reason = "the pool of candidates is larger than 255";
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  const char *why = check_addresses(config);
  if (why == NULL) return PRTC_OK;
  *reason = why;
  return PRTC_ERROR_INVALID_ARGUMENT;
}

static uint64_t hash_certificates(const prtc_peer_config *config) {
  uint64_t hash = 0;
  for (size_t i = 0; i < config->certificate_count; i++) {
    const char *text = config->certificates[i];
    if (text != NULL) hash += prtc_recording_hash(0, text, strlen(text));
  }
  return hash;
}

/* *out is the peer's to release; NULL when there is none, or none other than before. */
static int read_trust(const prtc_peer *peer, const prtc_peer_config *config, struct prtc_trust **out, const char **reason) {
  const char *text = config->trust_anchors, *before = peer->config.trust_anchors;
  *out = NULL;
  if (text == NULL || (before != NULL && strcmp(text, before) == 0)) return PRTC_OK;
  int result = prtc_trust_parse(peer->context, (const uint8_t *)text, strlen(text), out);
  if (result == PRTC_ERROR_SYNTAX) *reason = "trust_anchors has no PEM of a certificate";
  return result;
}

static void use_trust(prtc_peer *peer, struct prtc_trust *trust) {
  if (trust == NULL) return;
  prtc_trust_release(peer->trust);
  peer->trust = trust;
}

/* The texts become the peer's own; those that have not changed stay where they are, for the transport points to them. */
static int own_texts(prtc_peer *peer, prtc_peer_config *config) {
  char *texts[PRTC_PEER_TEXTS_MAX] = {NULL};
  const char *name, *text;
  bool complete = true;
  for (size_t i = 0; prtc_peer_option_text(config, i, &name, &text); i++) {
    if (text == NULL) continue;
    bool same = peer->texts[i] != NULL && strcmp(text, peer->texts[i]) == 0;
    texts[i] = same ? peer->texts[i] : prtc_copy_text(peer->context, text, strlen(text));
    complete = complete && texts[i] != NULL;
    (void)prtc_peer_config_set(config, name, texts[i]);
  }
  for (size_t i = 0; i < PRTC_PEER_TEXTS_MAX; i++) {
    if (texts[i] == peer->texts[i]) continue;
    prtc_release(peer->context, complete ? peer->texts[i] : texts[i]);
    if (complete) peer->texts[i] = texts[i];
  }
  return complete ? PRTC_OK : PRTC_ERROR_NO_MEMORY;
}

/* What stays, without what it pointed to. */
static void keep_config(prtc_peer *peer, const prtc_peer_config *config) {
  peer->config = *config;
  peer->config.ice_servers = NULL;
  peer->config.certificates = NULL;
}

static int configure(prtc_peer *peer, const prtc_peer_config *given, const char **reason) {
  prtc_peer_config config = *given;
  int result = complete_config(&config, reason);
  if (result == PRTC_OK) result = read_servers(peer, &config, reason);
  if (result == PRTC_OK) result = read_certificates(peer, &config, reason);
  struct prtc_trust *trust = NULL;
  if (result == PRTC_OK) result = read_trust(peer, &config, &trust, reason);
  if (result == PRTC_OK) result = own_texts(peer, &config);
  use_trust(peer, trust);
  peer->certificate_texts = hash_certificates(&config);
  keep_config(peer, &config);
  return result;
}

/* W3C section 4.4.1.6: what may not change. */
static bool changes_what_is_fixed(const prtc_peer *peer, const prtc_peer_config *config, struct prtc_text *reason) {
  bool same = config->certificate_count == peer->config.certificate_count &&
              hash_certificates(config) == peer->certificate_texts;
  prtc_peer_config others = *config;
  others.ice_candidate_pool_size = peer->config.ice_candidate_pool_size;
  const char *name = prtc_peer_find_change(&others, &peer->config);
  /* setLocalDescription was called */
  bool gathered = peer->transport != NULL && prtc_transport_has_gathered(peer->transport);
  if (config->certificate_count > 0 && !same) {
    prtc_text_print(reason, "the certificates may not be changed");
  } else if (gathered && config->ice_candidate_pool_size != peer->config.ice_candidate_pool_size) {
    prtc_text_print(reason, "ice_candidate_pool_size may not be changed after setLocalDescription");
  } else if (name != NULL && peer->transport != NULL) {
    prtc_text_print(reason, "%s may not be changed any more", name);
  }
  return reason->size > 0;
}

static bool same_text(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

static bool same_servers(const struct peer_server *a, size_t a_count, const struct peer_server *b, size_t b_count) {
  for (size_t i = 0; i < a_count && a_count == b_count; i++) {
    const struct prtc_server_url *url = &a[i].url, *other = &b[i].url;
    if (url->kind != other->kind || url->transport != other->transport || url->port != other->port) return false;
    if (strcmp(url->host, other->host) != 0 || !same_text(a[i].username, b[i].username)) return false;
    if (!same_text(a[i].credential, b[i].credential)) return false;
  }
  return a_count == b_count;
}

static int fill_pool(prtc_peer *peer, prtc_time now);

static int set_configuration(prtc_peer *peer, prtc_time now, prtc_peer_config *config) {
  const char *reason = "";
  struct prtc_text fixed = prtc_text_of(peer->error, sizeof peer->error);
  prtc_peer_inherit(config, &peer->config);
  int result = complete_config(config, &reason);
  if (result < 0) return prtc_peer_fail(peer, result, reason);
  if (changes_what_is_fixed(peer, config, &fixed)) return PRTC_ERROR_INVALID_MODIFICATION;
  struct peer_server *former = peer->servers;
  size_t former_count = peer->server_count;
  peer->servers = NULL; /* read_servers frees what it replaces */
  peer->server_count = 0;
  struct prtc_trust *trust = NULL;
  result = read_servers(peer, config, &reason);
  if (result == PRTC_OK) result = read_trust(peer, config, &trust, &reason);
  if (result == PRTC_OK) result = own_texts(peer, config);
  if (result < 0) {
    prtc_trust_release(trust);
    forget_servers(peer, peer->servers, peer->server_count);
    peer->servers = former;
    peer->server_count = former_count;
    return prtc_peer_fail(peer, result, reason[0] != '\0' ? reason : prtc_strerror(result));
  }
  use_trust(peer, trust);
  if (!same_servers(former, former_count, peer->servers, peer->server_count) ||
      config->ice_transport_policy != peer->config.ice_transport_policy) {
    peer->servers_changed = true;
  }
  forget_servers(peer, former, former_count);
  config->certificate_count = peer->config.certificate_count;
  bool fills = config->ice_candidate_pool_size != peer->config.ice_candidate_pool_size && peer->transport == NULL;
  keep_config(peer, config);
  if (fills && fill_pool(peer, now) < 0) { /* it is a hint: candidates are gathered later, as without it */
    PRTC_LOG(peer->context, PRTC_LOG_WARNING, "peer", "the pool of candidates could not be filled");
    peer->error[0] = '\0';
  }
  prtc_peer_wake(peer);
  return PRTC_OK;
}

void prtc_peer_record_arguments(struct prtc_context *context, prtc_time now, const prtc_peer_config *config) {
  if (!context->recording.on) return;
  for (size_t i = 0; i < config->ice_server_count; i++) {
    const prtc_ice_server *server = &config->ice_servers[i];
    PRTC_RECORD(context, peer_server, now, PRTC_STRING(server->url), PRTC_STRING(server->username),
                PRTC_STRING(server->credential));
  }
  for (size_t i = 0; i < config->certificate_count; i++) {
    PRTC_RECORD(context, peer_certificate, now, PRTC_STRING(config->certificates[i]));
  }
  const char *name, *text;
  for (size_t i = 0; prtc_peer_option_text(config, i, &name, &text); i++) {
    if (text != NULL) PRTC_RECORD(context, peer_option, now, PRTC_STRING(name), PRTC_STRING(text));
  }
}

int prtc_peer_set_configuration(prtc_peer *peer, prtc_time now, const prtc_peer_config *given) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  prtc_peer_config config;
  if (!prtc_config_copy(&config, sizeof config, given)) {
    return prtc_peer_fail(peer, PRTC_ERROR_INVALID_ARGUMENT,
                          "the configuration's size is wrong, or it has members that are not known");
  }
  prtc_peer_config plain = config;
  prtc_peer_config_forget_texts(&plain);
  plain.ice_servers = NULL;
  plain.certificates = NULL;
  prtc_peer_record_arguments(peer->context, now, &config);
  PRTC_RECORD(peer->context, peer_set_configuration, now, PRTC_NUMBER(peer->id), PRTC_BYTES(&plain, sizeof plain));
  int result = prtc_peer_begin(peer, &now);
  if (result < 0) return result;
  return set_configuration(peer, now, &config);
}

/* ----------------------------------------------------------------------------------------------------------------- life */

/* W3C iceCandidatePoolSize: what is gathered before there is a local description is told once there is one. */
static int fill_pool(prtc_peer *peer, prtc_time now) {
  int result = prtc_peer_need_transport(peer, now);
  if (result < 0) return result;
  prtc_peer_use_servers(peer, now);
  prtc_transport_fill_pool(peer->transport, now);
  return PRTC_OK;
}

int prtc_peer_create(const struct prtc_peer_host *host, prtc_time now, prtc_peer_id id, const prtc_peer_config *config,
                     struct prtc_peer_place *place, prtc_peer **out, const char **reason) {
  *reason = "";
  prtc_peer *peer = prtc_allocate(host->context, sizeof *peer);
  if (peer == NULL) return PRTC_ERROR_NO_MEMORY;
  peer->host = *host;
  peer->context = host->context;
  peer->place = place;
  peer->id = id;
  peer->remote_max_message_size = 65536; /* RFC 8841 section 6.1, until the other side says otherwise */
  peer->reported = (prtc_peer_states){.size = sizeof peer->reported};
  prtc_queue_init(&peer->events, peer->context, sizeof(struct queued_event), 0);
  int result = configure(peer, config, reason);
  if (result == PRTC_OK) {
    peer->jsep = prtc_jsep_new(peer->context);
    if (peer->jsep == NULL) result = PRTC_ERROR_NO_MEMORY;
  }
  if (result == PRTC_OK && peer->config.ice_candidate_pool_size > 0) result = fill_pool(peer, now);
  if (result < 0) {
    prtc_peer_destroy(peer);
    return result;
  }
  *out = peer;
  return PRTC_OK;
}

void prtc_peer_destroy(prtc_peer *peer) {
  if (peer == NULL) return;
  prtc_transport_free(peer->transport);
  prtc_transport_free(peer->leaving);
  prtc_jsep_free(peer->jsep);
  prtc_peer_clear_events(peer);
  prtc_peer_forget_local_candidates(peer, &peer->candidates);
  prtc_peer_forget_local_candidates(peer, &peer->former_candidates);
  prtc_certificate_release(peer->certificate);
  forget_servers(peer, peer->servers, peer->server_count);
  for (size_t i = 0; i < PRTC_PEER_TEXTS_MAX; i++) prtc_release(peer->context, peer->texts[i]);
  prtc_trust_release(peer->trust);
  prtc_release(peer->context, peer);
}

void prtc_peer_free(prtc_peer *peer) {
  if (peer == NULL) return;
  PRTC_RECORD(peer->context, peer_free, PRTC_NEVER, PRTC_NUMBER(peer->id));
  peer->host.remove(peer->host.endpoint, peer);
  prtc_peer_destroy(peer);
}

int prtc_peer_close(prtc_peer *peer, prtc_time now) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_close, now, PRTC_NUMBER(peer->id));
  int result = prtc_peer_begin(peer, &now);
  if (peer->closed) {
    peer->error[0] = '\0';
    return PRTC_OK;
  }
  if (result < 0) return result;
  peer->closed = true;
  PRTC_LOG(peer->context, PRTC_LOG_INFO, "peer", "peer %llu is closed", (unsigned long long)peer->id);
  prtc_jsep_close(peer->jsep);
  if (peer->transport != NULL) (void)prtc_transport_close(peer->transport, now);
  prtc_peer_wake(peer);
  return PRTC_OK;
}

prtc_peer_id prtc_peer_get_id(const prtc_peer *peer) { return peer == NULL ? 0 : peer->id; }

struct prtc_peer_place *prtc_peer_get_place(const prtc_peer *peer) { return peer->place; }

const char *prtc_peer_error_message(const prtc_peer *peer) {
  return peer == NULL ? prtc_strerror(PRTC_ERROR_NOT_FOUND) : peer->error;
}

int prtc_peer_fail(prtc_peer *peer, int code, const char *sentence) {
  struct prtc_text text = prtc_text_of(peer->error, sizeof peer->error);
  prtc_text_print(&text, "%.250s", sentence);
  return code;
}

int prtc_peer_begin(prtc_peer *peer, prtc_time *now) {
  if (now != NULL) *now = peer->host.advance(peer->host.endpoint, *now);
  peer->error[0] = '\0';
  int fatal = peer->host.fatal(peer->host.endpoint);
  if (fatal < 0) return prtc_peer_fail(peer, fatal, "the endpoint has failed");
  return peer->closed ? prtc_peer_fail(peer, PRTC_ERROR_INVALID_STATE, "the peer is closed") : PRTC_OK;
}

int prtc_peer_begin_negotiation(prtc_peer *peer, prtc_time *now) {
  int result = prtc_peer_begin(peer, now);
  if (result < 0 || !peer->one_by_one) return result;
  return prtc_peer_fail(peer, PRTC_ERROR_INVALID_STATE, "the peer's transports are started one by one");
}

void prtc_peer_wake(prtc_peer *peer) { peer->host.wake(peer->host.endpoint, peer); }

/* ------------------------------------------------------------------------------------------------------------ transport */

/* From then on it is the peer's own, for the endpoint makes another when its certificate grows old. */
static int need_certificate(prtc_peer *peer) {
  if (peer->certificate != NULL) return PRTC_OK;
  prtc_certificate *certificate = peer->host.certificate(peer->host.endpoint);
  if (certificate == NULL) return prtc_peer_fail(peer, PRTC_ERROR_CRYPTO, "no certificate could be made");
  peer->certificate = prtc_certificate_retain(certificate);
  return PRTC_OK;
}

int prtc_peer_need_transport(prtc_peer *peer, prtc_time now) {
  if (peer->transport != NULL) return PRTC_OK;
  int result = need_certificate(peer);
  if (result == PRTC_OK) result = prtc_certificate_get_fingerprint(peer->certificate, "sha-256", &peer->fingerprint);
  if (result < 0) return result;
  const struct prtc_transport_config config = {.certificate = peer->certificate,
                                               .controlling = true, /* until the other side turns out to be the offerer */
                                               .use_loopback = peer->config.use_loopback != 0,
                                               .tcp_candidates = peer->config.tcp_candidates,
                                               .relay_only = peer->config.ice_transport_policy == PRTC_ICE_POLICY_RELAY,
                                               .hide_addresses = peer->config.hide_addresses != 0,
                                               .max_message_size = peer->config.max_message_size,
                                               .send_queue_size = peer->config.send_queue_size,
                                               .streaming = peer->config.streaming_channels != 0,
                                               .mtu = peer->config.mtu,
                                               .max_mtu = peer->config.max_mtu,
                                               .ice = {.lite = peer->config.ice_lite,
                                                       .ta = peer->config.ice_pacing * 1000,
                                                       .renomination = peer->config.no_renomination == 0,
                                                       .consent_timeout = peer->config.ice_consent_timeout * 1000,
                                                       .disconnect_timeout = peer->config.ice_disconnect_timeout * 1000,
                                                       .ufrag = is_given(peer->config.ice_ufrag) ? peer->config.ice_ufrag : NULL,
                                                       .password = is_given(peer->config.ice_password) ? peer->config.ice_password : NULL},
                                               .port_minimum = (uint16_t)peer->config.port_minimum,
                                               .port_maximum = (uint16_t)peer->config.port_maximum,
                                               .interface_filter = peer->config.interface_filter,
                                               .address_filter = peer->config.address_filter,
                                               .address_mappings = peer->config.address_mappings,
                                               .mux = peer->host.mux,
                                               .owner = peer->place,
                                               .trust = peer->trust,
                                               .insecure_tls = peer->config.insecure_tls != 0,
                                               .first_channel = (prtc_channel_id)peer->transport_id << 32 | 1};
  peer->transport = prtc_transport_new(peer->context, now, &config);
  if (peer->transport == NULL) return PRTC_ERROR_NO_MEMORY;
  peer->transport_id++;
  prtc_transport_pause_messages(peer->transport, peer->messages_paused);
  peer->reported.sctp_transport = PRTC_SCTP_TRANSPORT_CONNECTING;
  peer->servers_changed = true;
  return PRTC_OK;
}

static uint32_t protocol_of(const struct prtc_server_url *url) {
  if (url->kind == PRTC_SERVER_STUN) return PRTC_RELAY_NONE;
  if (url->kind == PRTC_SERVER_TURNS) return PRTC_RELAY_TLS;
  return url->transport == PRTC_SERVER_UDP ? PRTC_RELAY_UDP : PRTC_RELAY_TCP;
}

void prtc_peer_use_servers(prtc_peer *peer, prtc_time now) {
  if (!peer->servers_changed) return;
  peer->servers_changed = false;
  prtc_transport_forget_servers(peer->transport);
  /* RFC 8445 section 2.5: host candidates alone */
  for (size_t i = 0; i < peer->server_count && !peer->config.ice_lite; i++) {
    const struct peer_server *server = &peer->servers[i];
    const struct prtc_transport_server given = {.protocol = protocol_of(&server->url),
                                                .host = server->url.host,
                                                .port = server->url.port,
                                                .username = server->username,
                                                .credential = server->credential};
    int result = prtc_transport_add_server(peer->transport, now, &given);
    if (result >= 0) continue;
    PRTC_LOG(peer->context, PRTC_LOG_WARNING, "peer", "a server is not used: %s", prtc_strerror(result));
  }
  prtc_transport_set_relay_only(peer->transport, now, peer->config.ice_transport_policy == PRTC_ICE_POLICY_RELAY);
}

/* Events of a former one that nobody fetched are lost when yet another follows: they would be of channels that nobody asks
 * for. */
void prtc_peer_retire_transport(prtc_peer *peer, prtc_time now, bool goodbye) {
  if (peer->transport == NULL) return;
  peer->host.drop_requests(peer->host.endpoint, peer);
  if (goodbye) (void)prtc_transport_close(peer->transport, now);
  else prtc_transport_leave(peer->transport, now);
  prtc_peer_count_former(peer);
  prtc_transport_free(peer->leaving);
  peer->leaving = peer->transport;
  peer->leaving_id = peer->transport_id;
  peer->leaving_is_told = false;
  peer->transport = NULL;
  prtc_peer_forget_local_candidates(peer, &peer->candidates);
  prtc_peer_forget_local_candidates(peer, &peer->former_candidates);
  peer->former_ufrag[0] = peer->to_replace[0][0] = peer->to_replace[1][0] = '\0';
  peer->has_data = peer->has_next_ice = peer->ice_is_stale = false;
  prtc_peer_reset_states(peer);
}

struct prtc_transport *prtc_peer_transport_of(const prtc_peer *peer, prtc_channel_id channel) {
  uint64_t id = (channel >> 32) + 1;
  if (peer->transport != NULL && id == peer->transport_id) return peer->transport;
  return peer->leaving != NULL && id == peer->leaving_id ? peer->leaving : NULL;
}

/* ----------------------------------------------------------------------------------------------- driven by the endpoint */

int prtc_peer_receive(prtc_peer *peer, prtc_time now, const prtc_datagram *datagram) {
  int result = peer->transport == NULL ? PRTC_ERROR_UNEXPECTED : prtc_transport_receive(peer->transport, now, datagram);
  if (result != PRTC_ERROR_UNEXPECTED || peer->leaving == NULL) return result;
  return prtc_transport_receive(peer->leaving, now, datagram);
}

int prtc_peer_transmit(prtc_peer *peer, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  int size = peer->leaving == NULL ? 0 : prtc_transport_transmit(peer->leaving, now, out, buffer, capacity);
  if (size != 0 || peer->transport == NULL) return size;
  return prtc_transport_transmit(peer->transport, now, out, buffer, capacity);
}

prtc_time prtc_peer_deadline(const prtc_peer *peer) {
  prtc_time deadline = peer->transport == NULL ? PRTC_NEVER : prtc_transport_deadline(peer->transport);
  prtc_time leaving = peer->leaving == NULL ? PRTC_NEVER : prtc_transport_deadline(peer->leaving);
  return leaving < deadline ? leaving : deadline;
}

int prtc_peer_timeout(prtc_peer *peer, prtc_time now) {
  if (peer->leaving != NULL) (void)prtc_transport_timeout(peer->leaving, now);
  return peer->transport == NULL ? PRTC_OK : prtc_transport_timeout(peer->transport, now);
}

int prtc_peer_request(prtc_peer *peer, prtc_request *out) {
  prtc_socket_id fresh = out->socket;
  if (peer->leaving != NULL && prtc_transport_request(peer->leaving, out) > 0) return 1;
  out->socket = fresh;
  if (peer->leaving != NULL && peer->leaving_is_told && prtc_transport_is_drained(peer->leaving)) {
    prtc_transport_free(peer->leaving);
    peer->leaving = NULL;
  }
  return peer->transport == NULL ? 0 : prtc_transport_request(peer->transport, out);
}

int prtc_peer_reply(prtc_peer *peer, prtc_time now, const prtc_request *request, const prtc_reply *reply) {
  if (request->type == PRTC_REQUEST_TRUST_ANCHORS && peer->transport != NULL) {
    prtc_transport_set_trust(peer->transport, now, peer->host.trust(peer->host.endpoint));
    return PRTC_OK;
  }
  return peer->transport == NULL ? PRTC_ERROR_NOT_FOUND : prtc_transport_reply(peer->transport, now, request, reply);
}

int prtc_peer_accepted(prtc_peer *peer, prtc_time now, prtc_socket_id listener, prtc_socket_id connection,
                       const prtc_address *local, const prtc_address *remote) {
  if (peer->transport == NULL) return PRTC_ERROR_NOT_FOUND;
  return prtc_transport_accepted(peer->transport, now, listener, connection, local, remote);
}

int prtc_peer_writable(prtc_peer *peer, prtc_time now, prtc_socket_id connection, bool writable) {
  int result = peer->transport == NULL ? PRTC_ERROR_NOT_FOUND
                                       : prtc_transport_writable(peer->transport, now, connection, writable);
  if (result != PRTC_ERROR_NOT_FOUND || peer->leaving == NULL) return result;
  return prtc_transport_writable(peer->leaving, now, connection, writable);
}

int prtc_peer_socket_closed(prtc_peer *peer, prtc_time now, prtc_socket_id socket) {
  int result = peer->transport == NULL ? PRTC_ERROR_NOT_FOUND : prtc_transport_socket_closed(peer->transport, now, socket);
  if (result != PRTC_ERROR_NOT_FOUND || peer->leaving == NULL) return result;
  return prtc_transport_socket_closed(peer->leaving, now, socket);
}

int prtc_peer_unreachable(prtc_peer *peer, prtc_time now, prtc_socket_id socket, const prtc_address *remote) {
  return peer->transport == NULL ? PRTC_ERROR_NOT_FOUND : prtc_transport_unreachable(peer->transport, now, socket, remote);
}

int prtc_peer_interfaces_changed(prtc_peer *peer, prtc_time now) {
  return peer->transport == NULL ? PRTC_OK : prtc_transport_interfaces_changed(peer->transport, now);
}

/* ------------------------------------------------------------------------------------------------------------ questions */

uint32_t prtc_peer_ice_role(const prtc_peer *peer) {
  struct prtc_transport_view view;
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  if (peer->transport == NULL || !(data.negotiated || peer->ice_started)) return PRTC_ICE_ROLE_UNKNOWN;
  prtc_transport_look(peer->transport, &view);
  return prtc_ice_is_controlling(view.ice) ? PRTC_ICE_ROLE_CONTROLLING : PRTC_ICE_ROLE_CONTROLLED;
}

int prtc_peer_get_states(const prtc_peer *peer, prtc_peer_states *out) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  if (out == NULL || out->size < sizeof out->size) return PRTC_ERROR_INVALID_ARGUMENT;
  prtc_peer_states all = peer->reported;
  struct prtc_jsep_data data;
  prtc_jsep_get_data(peer->jsep, &data);
  all.has_sctp = data.described;
  all.can_trickle = prtc_jsep_can_trickle(peer->jsep);
  all.max_message_size = peer->remote_max_message_size == 0 ? UINT32_MAX : peer->remote_max_message_size;
  all.max_channels = peer->transport == NULL ? 0 : prtc_transport_get_max_channels(peer->transport);
  all.ice_role = prtc_peer_ice_role(peer);
  all.size = out->size < sizeof all ? out->size : sizeof all;
  memcpy(out, &all, all.size);
  return PRTC_OK;
}

int prtc_peer_get_fingerprint(prtc_peer *peer, char *out, size_t capacity) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_get_fingerprint, PRTC_NEVER, PRTC_NUMBER(peer->id)); /* it may make a certificate */
  prtc_fingerprint fingerprint;
  peer->error[0] = '\0';
  int result = need_certificate(peer);
  if (result == PRTC_OK) result = prtc_certificate_get_fingerprint(peer->certificate, "sha-256", &fingerprint);
  if (result < 0) return result;
  struct prtc_text text = prtc_text_of(out, capacity);
  prtc_text_print(&text, "%s %s", fingerprint.algorithm, fingerprint.value);
  result = prtc_text_result(&text);
  return result < 0 ? prtc_peer_fail(peer, result, prtc_strerror(result)) : result;
}

int prtc_peer_get_selected_pair(const prtc_peer *peer, prtc_address *local, prtc_address *remote) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  prtc_ice_pair pair;
  if (peer->transport == NULL || prtc_transport_get_selected_pair(peer->transport, &pair) != 1) return 0;
  *local = pair.local;
  *remote = pair.remote;
  return 1;
}

int prtc_peer_get_remote_certificate(const prtc_peer *peer, uint8_t *out, size_t capacity) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  struct prtc_transport_view view;
  prtc_fingerprint unused;
  if (peer->transport == NULL) return 0;
  prtc_transport_look(peer->transport, &view);
  return prtc_dtls_get_remote_certificate(view.dtls, out, capacity, &unused);
}
