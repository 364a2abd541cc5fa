/* Members of prtc_peer_config by their names: for bindings, command lines and recordings, which so need no change when one
 * is added.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stddef.h>
#include <string.h>

#include "core/base/text.h"
#include "core/peer/options.h"

enum kind { NUMBER, TEXT };

#define OPTION(name, kind) {#name, kind, offsetof(prtc_peer_config, name)}

static const struct option {
  const char *name;
  enum kind kind;
  size_t offset;
} options[] = {
    OPTION(ice_transport_policy, NUMBER), OPTION(use_loopback, NUMBER),      OPTION(max_message_size, NUMBER),
    OPTION(send_queue_size, NUMBER),      OPTION(mtu, NUMBER),               OPTION(streaming_channels, NUMBER),
    OPTION(ice_candidate_pool_size, NUMBER), OPTION(ice_lite, NUMBER),       OPTION(ice_pacing, NUMBER),
    OPTION(no_renomination, NUMBER),      OPTION(port_minimum, NUMBER),      OPTION(port_maximum, NUMBER),
    OPTION(hide_addresses, NUMBER),       OPTION(insecure_tls, NUMBER),          OPTION(trust_anchors, TEXT),
    OPTION(interface_filter, TEXT),       OPTION(address_filter, TEXT),      OPTION(address_mappings, TEXT),
    OPTION(tcp_candidates, NUMBER),       OPTION(always_negotiate_data, NUMBER), OPTION(ice_ufrag, TEXT),
    OPTION(ice_password, TEXT),           OPTION(ice_disconnect_timeout, NUMBER), OPTION(ice_consent_timeout, NUMBER),
    OPTION(max_mtu, NUMBER),
};

enum { COUNT = sizeof options / sizeof options[0] };

int prtc_peer_config_set(prtc_peer_config *config, const char *name, const char *value) {
  uint64_t number;
  for (size_t i = 0; i < COUNT; i++) {
    if (strcmp(options[i].name, name) != 0) continue;
    unsigned char *member = (unsigned char *)config + options[i].offset;
    if (options[i].kind == TEXT) {
      memcpy(member, &value, sizeof value);
      return PRTC_OK;
    }
    if (value == NULL || !prtc_parse_decimal(value, strlen(value), UINT32_MAX, &number)) return PRTC_ERROR_INVALID_ARGUMENT;
    memcpy(member, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
    return PRTC_OK;
  }
  return PRTC_ERROR_NOT_FOUND;
}

bool prtc_peer_option_text(const prtc_peer_config *config, size_t index, const char **name, const char **text) {
  for (size_t i = 0; i < COUNT; i++) {
    if (options[i].kind != TEXT || index-- != 0) continue;
    *name = options[i].name;
    memcpy(text, (const unsigned char *)config + options[i].offset, sizeof *text);
    return true;
  }
  return false;
}

void prtc_peer_config_forget_texts(prtc_peer_config *config) {
  const char *name, *text;
  for (size_t i = 0; prtc_peer_option_text(config, i, &name, &text); i++) (void)prtc_peer_config_set(config, name, NULL);
}

/* The policy of ICE is the W3C's, and always has a value. */
static bool is_beyond_the_standard(const struct option *option) {
  return option->offset != offsetof(prtc_peer_config, ice_transport_policy);
}

static size_t size_of(const struct option *option) {
  return option->kind == TEXT ? sizeof(const char *) : sizeof(uint32_t);
}

void prtc_peer_inherit(prtc_peer_config *config, const prtc_peer_config *before) {
  static const unsigned char zeros[sizeof(const char *)];
  for (size_t i = 0; i < COUNT; i++) {
    unsigned char *member = (unsigned char *)config + options[i].offset;
    if (!is_beyond_the_standard(&options[i]) || memcmp(member, zeros, size_of(&options[i])) != 0) continue;
    memcpy(member, (const unsigned char *)before + options[i].offset, size_of(&options[i]));
  }
}

const char *prtc_peer_find_change(const prtc_peer_config *config, const prtc_peer_config *before) {
  for (size_t i = 0; i < COUNT; i++) {
    const unsigned char *a = (const unsigned char *)config + options[i].offset;
    const unsigned char *b = (const unsigned char *)before + options[i].offset;
    const char *texts[2];
    if (!is_beyond_the_standard(&options[i]) || memcmp(a, b, size_of(&options[i])) == 0) continue;
    if (options[i].kind == NUMBER) return options[i].name;
    memcpy(&texts[0], a, sizeof texts[0]);
    memcpy(&texts[1], b, sizeof texts[1]);
    if (texts[0] == NULL || texts[1] == NULL || strcmp(texts[0], texts[1]) != 0) return options[i].name;
  }
  return NULL;
}
