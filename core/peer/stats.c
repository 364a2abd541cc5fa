/* W3C getStats (webrtc-stats): what the layers have counted, as JSON under the standard's names.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/peer/state.h"

enum { DER_SIZE = 8192 }; /* a larger certificate is told without its bytes */

/* A list of objects that is being written. */
struct stats {
  struct prtc_text text;
  uint64_t timestamp; /* µs since 1970, or since the caller's zero when the wall clock is not known */
  bool first;
  uint32_t transport; /* its number, from 1 on: one that takes the place of another has other ids */
};

/* ----------------------------------------------------------------------------------------------------------------- JSON */

/* RFC 8259 section 7. What is not UTF-8 (a label may be anything) has its odd bytes replaced. */
static void add_quoted(struct stats *stats, const char *bytes, size_t size) {
  bool utf8 = prtc_is_utf8((const uint8_t *)bytes, size);
  prtc_text_append(&stats->text, "\"", 1);
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c == '"' || c == '\\') {
      prtc_text_print(&stats->text, "\\%c", c);
    } else if (c < 0x20 || c == 0x7F) {
      prtc_text_print(&stats->text, "\\u%04x", c);
    } else if (c >= 0x80 && !utf8) {
      prtc_text_append(&stats->text, "?", 1);
    } else {
      prtc_text_append(&stats->text, bytes + i, 1);
    }
  }
  prtc_text_append(&stats->text, "\"", 1);
}

static void add_text(struct stats *stats, const char *name, const char *value) {
  prtc_text_print(&stats->text, ",\"%s\":", name);
  add_quoted(stats, value, strlen(value));
}

static void add_number(struct stats *stats, const char *name, uint64_t value) {
  prtc_text_print(&stats->text, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void add_bool(struct stats *stats, const char *name, bool value) {
  prtc_text_print(&stats->text, ",\"%s\":%s", name, value ? "true" : "false");
}

/* µs, given in `unit` µs: 1,000 for milliseconds. (Not as a float: its text depends on the locale.) */
static void add_time(struct stats *stats, const char *name, uint64_t microseconds, uint32_t unit) {
  int digits = unit == 1000 ? 3 : 6;
  prtc_text_print(&stats->text, ",\"%s\":%llu.%0*u", name, (unsigned long long)(microseconds / unit), digits,
                  (unsigned)(microseconds % unit));
}

/* RFC 4648 section 4 */
static void add_base64(struct stats *stats, const char *name, const uint8_t *bytes, size_t size) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  prtc_text_print(&stats->text, ",\"%s\":\"", name);
  for (size_t i = 0; i < size; i += 3) {
    uint32_t group =
        (uint32_t)bytes[i] << 16 | (i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0) | (i + 2 < size ? bytes[i + 2] : 0);
    char four[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63], i + 1 < size ? alphabet[group >> 6 & 63] : '=',
                    i + 2 < size ? alphabet[group & 63] : '='};
    prtc_text_append(&stats->text, four, 4);
  }
  prtc_text_append(&stats->text, "\"", 1);
}

/* Each object begins with type, id and timestamp; `number` is 0 where the id has none. */
static void begin(struct stats *stats, const char *type, const char *prefix, uint64_t number) {
  prtc_text_print(&stats->text, "%s{\"type\":\"%s\",\"id\":\"%s", stats->first ? "" : ",", type, prefix);
  if (number != 0) prtc_text_print(&stats->text, "%llu", (unsigned long long)number);
  prtc_text_append(&stats->text, "\"", 1);
  stats->first = false;
  add_time(stats, "timestamp", stats->timestamp, 1000);
}

static void end(struct stats *stats) { prtc_text_append(&stats->text, "}", 1); }

/* -------------------------------------------------------------------------------------------------------------- objects */

static const char *const candidate_types[] = {"host", "srflx", "prflx", "relay"};
static const char *const pair_states[] = {"frozen", "waiting", "in-progress", "succeeded", "failed"};
static const char *const ice_states[] = {"new", "checking", "connected", "completed", "disconnected", "failed", "closed"};
static const char *const dtls_states[] = {"new", "connecting", "connected", "closed", "failed"};
static const char *const channel_states[] = {"connecting", "open", "closing", "closed"};
static const char *const tcp_types[] = {"", "active", "passive", "so"};
static const char *const network_types[] = {"unknown", "unknown", "ethernet", "wifi", "cellular", "vpn"};

/* A candidate is named by what makes it one: its side, type, protocol and address. */
static void print_candidate_id(struct prtc_text *out, bool local, uint32_t type, bool tcp, const prtc_address *address) {
  char where[PRTC_ADDRESS_TEXT_SIZE];
  (void)prtc_address_print(address, where, sizeof where);
  prtc_text_print(out, "%s-%s-%s%s", local ? "local" : "remote", candidate_types[type & 3], tcp ? "tcp-" : "", where);
}

static void add_candidate_id(struct stats *stats, const char *name, bool local, uint32_t type, bool tcp,
                             const prtc_address *address) {
  char id[128];
  struct prtc_text text = prtc_text_of(id, sizeof id);
  print_candidate_id(&text, local, type, tcp, address);
  add_text(stats, name, id);
}

/* "192.0.2.1" of "192.0.2.1:5000", "2001:db8::1" of "[2001:db8::1]:5000" */
static void add_host(struct stats *stats, const char *name, const prtc_address *address) {
  char where[PRTC_ADDRESS_TEXT_SIZE];
  if (prtc_address_print(address, where, sizeof where) < 0) return;
  char *host = where[0] == '[' ? where + 1 : where;
  char *stop = where[0] == '[' ? strchr(where, ']') : strrchr(where, ':');
  if (stop != NULL) *stop = '\0';
  add_text(stats, name, host);
}

/* W3C webrtc-stats section 8.20: which server a local candidate is from. */
static void add_server(struct stats *stats, const struct prtc_transport *transport, const prtc_candidate *candidate) {
  static const char *const protocols[] = {"", "udp", "tcp", "tls"};
  char url[256];
  if (prtc_transport_server_url(transport, candidate, url, sizeof url)) add_text(stats, "url", url);
  if (candidate->relay_protocol != 0) add_text(stats, "relayProtocol", protocols[candidate->relay_protocol & 3]);
}

/* transport: of a local one; NULL for a remote one. */
static void add_candidate(struct stats *stats, const struct prtc_transport *transport, const prtc_candidate *candidate,
                          uint32_t network_type) {
  bool local = transport != NULL;
  char id[128];
  struct prtc_text text = prtc_text_of(id, sizeof id);
  bool tcp = candidate->protocol == PRTC_PROTOCOL_TCP;
  print_candidate_id(&text, local, candidate->type, tcp, &candidate->address);
  begin(stats, local ? "local-candidate" : "remote-candidate", id, 0);
  prtc_text_print(&stats->text, ",\"transportId\":\"transport-%u\"", (unsigned)stats->transport);
  add_host(stats, "address", &candidate->address);
  add_number(stats, "port", candidate->address.port);
  add_text(stats, "protocol", tcp ? "tcp" : "udp");
  if (tcp) add_text(stats, "tcpType", tcp_types[candidate->tcp_type & 3]);
  add_text(stats, "candidateType", candidate_types[candidate->type & 3]);
  add_number(stats, "priority", candidate->priority);
  add_text(stats, "foundation", candidate->foundation);
  if (candidate->ufrag[0] != '\0') add_text(stats, "usernameFragment", candidate->ufrag);
  if (local) add_text(stats, "networkType", network_types[network_type < 6 ? network_type : 0]);
  if (local) add_server(stats, transport, candidate);
  if (candidate->related.family != PRTC_FAMILY_NONE) {
    add_host(stats, "relatedAddress", &candidate->related);
    add_number(stats, "relatedPort", candidate->related.port);
  }
  end(stats);
}

/* Unique over all transports, as the ids of channels are. */
static uint64_t pair_number(const struct stats *stats, uint32_t id) { return (uint64_t)(stats->transport - 1) << 32 | id; }

static void add_pair(struct stats *stats, const struct prtc_ice_pair_stats *pair, uint64_t epoch) {
  /* The base stands for the local candidate unless another one of it was gathered. */
  begin(stats, "candidate-pair", "pair-", pair_number(stats, pair->id));
  prtc_text_print(&stats->text, ",\"transportId\":\"transport-%u\"", (unsigned)stats->transport);
  prtc_candidate_type base = pair->local_type == PRTC_CANDIDATE_RELAYED ? PRTC_CANDIDATE_RELAYED : PRTC_CANDIDATE_HOST;
  add_candidate_id(stats, "localCandidateId", true, base, pair->tcp_type != PRTC_TCP_NONE, &pair->local);
  add_candidate_id(stats, "remoteCandidateId", false, pair->remote_type, pair->tcp_type != PRTC_TCP_NONE, &pair->remote);
  add_text(stats, "state", pair_states[pair->state % 5]);
  add_bool(stats, "nominated", pair->nominated != 0);
  add_number(stats, "packetsSent", pair->packets_sent);
  add_number(stats, "packetsReceived", pair->packets_received);
  add_number(stats, "bytesSent", pair->bytes_sent);
  add_number(stats, "bytesReceived", pair->bytes_received);
  if (pair->last_packet_sent != 0) add_time(stats, "lastPacketSentTimestamp", epoch + pair->last_packet_sent, 1000);
  if (pair->last_packet_received != 0) {
    add_time(stats, "lastPacketReceivedTimestamp", epoch + pair->last_packet_received, 1000);
  }
  add_time(stats, "totalRoundTripTime", pair->total_round_trip_time, 1000000);
  if (pair->round_trip_time != 0) add_time(stats, "currentRoundTripTime", pair->round_trip_time, 1000000);
  add_number(stats, "requestsSent", pair->requests_sent);
  add_number(stats, "requestsReceived", pair->requests_received);
  add_number(stats, "responsesSent", pair->responses_sent);
  add_number(stats, "responsesReceived", pair->responses_received);
  add_number(stats, "consentRequestsSent", pair->consent_requests_sent);
  end(stats);
}

static void add_certificate(struct stats *stats, const char *id, const prtc_fingerprint *fingerprint, const uint8_t *der,
                            int size) {
  begin(stats, "certificate", id, 0);
  add_text(stats, "fingerprint", fingerprint->value);
  add_text(stats, "fingerprintAlgorithm", fingerprint->algorithm);
  if (size > 0) add_base64(stats, "base64Certificate", der, (size_t)size);
  end(stats);
}

static void add_certificates(struct stats *stats, const struct prtc_transport_view *view, bool *has_remote) {
  static const size_t capacity = DER_SIZE;
  uint8_t der[DER_SIZE];
  prtc_fingerprint fingerprint;
  int size = prtc_certificate_get_der(view->certificate, der, capacity);
  if (prtc_certificate_get_fingerprint(view->certificate, "sha-256", &fingerprint) == PRTC_OK) {
    add_certificate(stats, "certificate-local", &fingerprint, der, size);
  }
  size = prtc_dtls_get_remote_certificate(view->dtls, der, capacity, &fingerprint);
  *has_remote = size > 0;
  if (*has_remote) add_certificate(stats, "certificate-remote", &fingerprint, der, size);
}

static void add_transport(struct stats *stats, const prtc_peer *peer, const struct prtc_transport_view *view,
                          bool has_remote, uint32_t selected) {
  prtc_ice_parameters parameters;
  begin(stats, "transport", "transport-", stats->transport);
  add_number(stats, "packetsSent", view->packets_sent);
  add_number(stats, "packetsReceived", view->packets_received);
  add_number(stats, "bytesSent", view->bytes_sent);
  add_number(stats, "bytesReceived", view->bytes_received);
  static const char *const roles[] = {"unknown", "controlling", "controlled"};
  add_text(stats, "iceRole", roles[prtc_peer_ice_role(peer)]);
  if (prtc_transport_get_ice_parameters(peer->transport, &parameters) == PRTC_OK) {
    add_text(stats, "iceLocalUsernameFragment", parameters.ufrag);
  }
  add_text(stats, "iceState", ice_states[peer->now.ice % 7]);
  add_text(stats, "dtlsState", dtls_states[peer->now.dtls % 5]);
  if (selected != 0) {
    prtc_text_print(&stats->text, ",\"selectedCandidatePairId\":\"pair-%llu\"",
                    (unsigned long long)pair_number(stats, selected));
  }
  add_number(stats, "selectedCandidatePairChanges", view->pair_changes);
  if (view->path_mtu != 0) add_number(stats, "pathMtu", view->path_mtu); /* not the W3C's */
  add_text(stats, "localCertificateId", "certificate-local");
  if (has_remote) add_text(stats, "remoteCertificateId", "certificate-remote");
  int role = prtc_dtls_get_role(view->dtls);
  add_text(stats, "dtlsRole",
           role == PRTC_DTLS_ROLE_CLIENT ? "client" : role == PRTC_DTLS_ROLE_SERVER ? "server" : "unknown");
  const char *cipher = prtc_dtls_get_cipher(view->dtls);
  if (cipher[0] != '\0') {
    add_text(stats, "tlsVersion", "FEFD"); /* DTLS 1.2, the two bytes of the protocol */
    add_text(stats, "dtlsCipher", cipher);
  }
  end(stats);
}

static void add_channels(struct stats *stats, const prtc_data *data) {
  for (prtc_channel_id id = prtc_data_next_channel(data, 0); id != 0; id = prtc_data_next_channel(data, id)) {
    prtc_channel_info info = {.size = sizeof info};
    if (prtc_data_channel_info(data, id, &info) < 0) continue;
    begin(stats, "data-channel", "channel-", id);
    prtc_text_print(&stats->text, ",\"label\":");
    add_quoted(stats, info.label, info.label_size);
    prtc_text_print(&stats->text, ",\"protocol\":");
    add_quoted(stats, info.protocol, info.protocol_size);
    if (info.stream_id != PRTC_STREAM_NONE) add_number(stats, "dataChannelIdentifier", info.stream_id);
    add_text(stats, "state", channel_states[info.state & 3]);
    add_number(stats, "messagesSent", info.messages_sent);
    add_number(stats, "bytesSent", info.bytes_sent);
    add_number(stats, "messagesReceived", info.messages_received);
    add_number(stats, "bytesReceived", info.bytes_received);
    end(stats);
  }
}

static void add_stack(struct stats *stats, const prtc_peer *peer, const struct prtc_transport_view *view) {
  prtc_candidate candidate;
  uint32_t network_type = 0, selected = 0;
  bool has_remote;
  for (size_t i = 0; prtc_ice_get_local_candidate(view->ice, i, &candidate, &network_type) > 0; i++) {
    add_candidate(stats, peer->transport, &candidate, network_type);
  }
  for (size_t i = 0; prtc_ice_get_remote_candidate(view->ice, i, &candidate) > 0; i++) {
    add_candidate(stats, NULL, &candidate, 0);
  }
  prtc_ice_pair_stats pair = {.size = sizeof pair};
  for (size_t i = 0; prtc_ice_get_pair_stats(view->ice, i, &pair) > 0; i++) {
    if (pair.selected) selected = pair.id;
    add_pair(stats, &pair, peer->context->capture.epoch);
  }
  add_certificates(stats, view, &has_remote);
  add_transport(stats, peer, view, has_remote, selected);
  add_channels(stats, view->data);
}

int prtc_peer_get_stats(const prtc_peer *peer, prtc_time now, char *out, size_t capacity) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  struct stats stats = {.text = prtc_text_of(out, capacity), .timestamp = peer->context->capture.epoch + now, .first = true,
                        .transport = peer->transport_id};
  struct prtc_transport_view view = {0};
  uint64_t opened = 0, closed = 0;
  if (peer->transport != NULL) {
    prtc_transport_look(peer->transport, &view);
    prtc_data_get_counts(view.data, &opened, &closed);
  }
  prtc_text_append(&stats.text, "[", 1);
  begin(&stats, "peer-connection", "peer-connection", 0);
  add_number(&stats, "dataChannelsOpened", peer->former_opened + opened);
  add_number(&stats, "dataChannelsClosed", peer->former_closed + closed);
  end(&stats);
  if (peer->transport != NULL) add_stack(&stats, peer, &view);
  prtc_text_append(&stats.text, "]", 1);
  return prtc_text_result(&stats.text);
}

void prtc_peer_count_former(prtc_peer *peer) {
  struct prtc_transport_view view;
  uint64_t opened, closed;
  prtc_transport_look(peer->transport, &view);
  prtc_data_get_counts(view.data, &opened, &closed);
  peer->former_opened += opened;
  peer->former_closed += closed;
}
