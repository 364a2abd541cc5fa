/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/transport/parameters.h"

#include <string.h>

#include <polyrtc/error.h>

static const char *const protocols[] = {"udp", "tcp"};
static const char *const types[] = {"host", "srflx", "prflx", "relay"};
static const char *const tcp_types[] = {"", "active", "passive", "so"};
static const char *const roles[] = {"auto", "client", "server"};

static int refuse(const char **reason, const char *why) {
  *reason = why;
  return PRTC_ERROR_SYNTAX;
}

static int open_member(const char *text, size_t size, const char *name, struct prtc_json *out, const char **reason) {
  struct prtc_json root;
  if (size > PRTC_PARAMETERS_SIZE || !prtc_json_open(&root, text, size) || !prtc_json_is_object(root)) {
    return refuse(reason, "the parameters are no JSON object");
  }
  *out = prtc_json_member(root, name);
  return PRTC_OK;
}

/* Which of the names a string is; false when it is none. */
static bool read_choice(struct prtc_json value, const char *const *names, size_t count, uint32_t *out) {
  char word[16];
  if (!prtc_json_string(value, word, sizeof word)) return false;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(word, names[i]) != 0) continue;
    *out = (uint32_t)i;
    return true;
  }
  return false;
}

/* ------------------------------------------------------------------------------------------------------------------ ICE */

int prtc_parameters_ice(const char *text, size_t size, prtc_ice_parameters *out, const char **reason) {
  struct prtc_json ice;
  bool lite = false;
  int code = open_member(text, size, "iceParameters", &ice, reason);
  if (code < 0) return code;
  *out = (prtc_ice_parameters){.ufrag = ""};
  if (!prtc_json_string(prtc_json_member(ice, "usernameFragment"), out->ufrag, sizeof out->ufrag) ||
      !prtc_json_string(prtc_json_member(ice, "password"), out->password, sizeof out->password)) {
    return refuse(reason, "iceParameters need a usernameFragment and a password");
  }
  (void)prtc_json_boolean(prtc_json_member(ice, "iceLite"), &lite);
  out->lite = lite;
  return PRTC_OK;
}

void prtc_parameters_print_ice(struct prtc_text *text, const prtc_ice_parameters *ice) {
  prtc_text_print(text, "{\"usernameFragment\":");
  prtc_json_print(text, ice->ufrag);
  prtc_text_print(text, ",\"password\":");
  prtc_json_print(text, ice->password);
  prtc_text_print(text, ",\"iceLite\":%s}", ice->lite != 0 ? "true" : "false");
}

/* An address, or for a candidate of a `.local` name that. */
static bool read_ip(struct prtc_json value, uint16_t port, prtc_address *address, char name[256]) {
  char ip[256];
  if (!prtc_json_string(value, ip, sizeof ip)) return false;
  bool plain = ip[0] != '[' && (strchr(ip, ':') == NULL || strchr(ip, '.') == NULL);
  if (plain && prtc_address_parse(address, ip, strlen(ip)) == PRTC_OK && address->port == 0) {
    address->port = port;
    return true;
  }
  if (name == NULL) return false;
  *address = (prtc_address){.port = port};
  memcpy(name, ip, sizeof ip);
  return true;
}

static bool read_candidate(struct prtc_json value, prtc_candidate *out) {
  uint64_t priority, port, related_port = 0;
  *out = (prtc_candidate){.component = 1};
  if (!prtc_json_string(prtc_json_member(value, "foundation"), out->foundation, sizeof out->foundation) ||
      !prtc_json_number(prtc_json_member(value, "priority"), UINT32_MAX, &priority) ||
      !prtc_json_number(prtc_json_member(value, "port"), UINT16_MAX, &port) ||
      !read_choice(prtc_json_member(value, "protocol"), protocols, 2, &out->protocol) ||
      !read_choice(prtc_json_member(value, "type"), types, 4, &out->type) ||
      !read_ip(prtc_json_member(value, "ip"), (uint16_t)port, &out->address, out->name)) {
    return false;
  }
  out->priority = (uint32_t)priority;
  (void)read_choice(prtc_json_member(value, "tcpType"), tcp_types, 4, &out->tcp_type);
  (void)prtc_json_number(prtc_json_member(value, "relatedPort"), UINT16_MAX, &related_port);
  prtc_address related;
  if (read_ip(prtc_json_member(value, "relatedAddress"), (uint16_t)related_port, &related, NULL)) out->related = related;
  return true;
}

int prtc_parameters_candidate(const char *text, size_t size, size_t *cursor, prtc_candidate *out, const char **reason) {
  struct prtc_json candidates, element;
  char line[PRTC_CANDIDATE_TEXT_SIZE];
  int code = open_member(text, size, "iceCandidates", &candidates, reason);
  if (code < 0) return code;
  if (!prtc_json_next(candidates, cursor, &element)) return 0;
  if (prtc_json_string(element, line, sizeof line)) {
    code = prtc_candidate_parse(out, line, strlen(line));
    return code < 0 ? refuse(reason, "a candidate is no candidate-attribute") : 1;
  }
  return read_candidate(element, out) ? 1 : refuse(reason, "a candidate lacks a member, or has a bad one");
}

bool prtc_parameters_complete(const char *text, size_t size) {
  struct prtc_json value;
  const char *reason;
  bool complete = false;
  if (open_member(text, size, "iceCandidatesComplete", &value, &reason) < 0) return false;
  (void)prtc_json_boolean(value, &complete);
  return complete;
}

static void print_ip(struct prtc_text *text, const char *name, const prtc_address *address) {
  char printed[PRTC_ADDRESS_TEXT_SIZE] = "";
  prtc_address bare = *address;
  bare.scope = 0;
  (void)prtc_address_print(&bare, printed, sizeof printed);
  char *start = printed, *colon = strrchr(printed, ':');
  if (colon != NULL) *colon = '\0';
  if (*start == '[') {
    start[strlen(start) - 1] = '\0';
    start++;
  }
  prtc_text_print(text, "\"%s\":", name);
  prtc_json_print(text, start);
}

void prtc_parameters_print_candidate(struct prtc_text *text, const prtc_candidate *candidate) {
  prtc_text_print(text, "{\"foundation\":");
  prtc_json_print(text, candidate->foundation);
  prtc_text_print(text, ",\"priority\":%u,", candidate->priority);
  if (candidate->name[0] != '\0') {
    prtc_text_print(text, "\"ip\":");
    prtc_json_print(text, candidate->name);
  } else {
    print_ip(text, "ip", &candidate->address);
  }
  prtc_text_print(text, ",\"port\":%u,\"protocol\":\"%s\",\"type\":\"%s\"", (unsigned)candidate->address.port,
                  protocols[candidate->protocol == PRTC_PROTOCOL_TCP], types[candidate->type & 3]);
  if (candidate->tcp_type != PRTC_TCP_NONE) {
    prtc_text_print(text, ",\"tcpType\":\"%s\"", tcp_types[candidate->tcp_type & 3]);
  }
  if (candidate->related.family != PRTC_FAMILY_NONE) {
    prtc_text_print(text, ",");
    print_ip(text, "relatedAddress", &candidate->related);
    prtc_text_print(text, ",\"relatedPort\":%u", (unsigned)candidate->related.port);
  }
  prtc_text_print(text, "}");
}

/* -------------------------------------------------------------------------------------------------------- DTLS and SCTP */

int prtc_parameters_dtls(const char *text, size_t size, prtc_fingerprint out[PRTC_FINGERPRINTS_MAX], size_t *count,
                         prtc_dtls_role *role, const char **reason) {
  struct prtc_json dtls, element;
  size_t cursor = 0;
  uint32_t choice = 0;
  int code = open_member(text, size, "dtlsParameters", &dtls, reason);
  if (code < 0) return code;
  struct prtc_json given = prtc_json_member(dtls, "role");
  if (given.size > 0 && !read_choice(given, roles, 3, &choice)) {
    return refuse(reason, "the role is none of auto, client and server");
  }
  *role = (prtc_dtls_role)choice;
  for (*count = 0; prtc_json_next(prtc_json_member(dtls, "fingerprints"), &cursor, &element); ++*count) {
    if (*count == PRTC_FINGERPRINTS_MAX) return PRTC_ERROR_QUEUE_FULL;
    prtc_fingerprint *fingerprint = &out[*count];
    if (!prtc_json_string(prtc_json_member(element, "algorithm"), fingerprint->algorithm, sizeof fingerprint->algorithm) ||
        !prtc_json_string(prtc_json_member(element, "value"), fingerprint->value, sizeof fingerprint->value)) {
      return refuse(reason, "a fingerprint needs an algorithm and a value");
    }
    for (char *c = fingerprint->algorithm; *c != '\0'; c++) *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    for (char *c = fingerprint->value; *c != '\0'; c++) *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 32 : *c);
  }
  return *count > 0 ? PRTC_OK : refuse(reason, "dtlsParameters have no fingerprints");
}

void prtc_parameters_print_dtls(struct prtc_text *text, const prtc_fingerprint *fingerprints, size_t count,
                                prtc_dtls_role role) {
  prtc_text_print(text, "{\"role\":\"%s\",\"fingerprints\":[", roles[role]);
  for (size_t i = 0; i < count; i++) {
    prtc_text_print(text, "%s{\"algorithm\":", i > 0 ? "," : "");
    prtc_json_print(text, fingerprints[i].algorithm);
    prtc_text_print(text, ",\"value\":");
    prtc_json_print(text, fingerprints[i].value);
    prtc_text_print(text, "}");
  }
  prtc_text_print(text, "]}");
}

int prtc_parameters_sctp(const char *text, size_t size, struct prtc_sctp_parameters *out, const char **reason) {
  struct prtc_json sctp;
  uint64_t port = 5000, largest = 65536; /* RFC 8841 sections 5.1 and 6.1: what holds when nothing is said */
  int code = open_member(text, size, "sctpParameters", &sctp, reason);
  if (code < 0) return code;
  struct prtc_json given_port = prtc_json_member(sctp, "port"), given_size = prtc_json_member(sctp, "maxMessageSize");
  if (!prtc_json_is_object(sctp) ||
      (given_port.size > 0 && (!prtc_json_number(given_port, UINT16_MAX, &port) || port == 0)) ||
      (given_size.size > 0 && !prtc_json_number(given_size, UINT32_MAX, &largest))) {
    return refuse(reason, "sctpParameters are no object with a port and a maxMessageSize");
  }
  *out = (struct prtc_sctp_parameters){.port = (uint16_t)port, .max_message_size = (uint32_t)largest};
  return PRTC_OK;
}

void prtc_parameters_print_sctp(struct prtc_text *text, const struct prtc_sctp_parameters *sctp) {
  prtc_text_print(text, "{\"port\":%u,\"maxMessageSize\":%u}", (unsigned)sctp->port, sctp->max_message_size);
}
