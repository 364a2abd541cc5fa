/* The members of prtc_peer_config that are texts, one by one: a recording writes them apart.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_PEER_OPTIONS_H
#define PRTC_PEER_OPTIONS_H

#include <stdbool.h>

#include <polyrtc/peer.h>

/* The index-th of them: its name, and its text or NULL. False beyond the last. prtc_peer_config_set is the way back. */
bool prtc_peer_option_text(const prtc_peer_config *config, size_t index, const char **name, const char **text);

enum { PRTC_PEER_TEXTS_MAX = 16 };

/* setConfiguration: what is 0 or NULL stays as it is. All members but the W3C's: servers, policy, certificates. */
void prtc_peer_inherit(prtc_peer_config *config, const prtc_peer_config *before);
/* The name of the first of them that differs, or NULL. */
const char *prtc_peer_find_change(const prtc_peer_config *config, const prtc_peer_config *before);

/* All of them become NULL: in what was read from a recording they are another process's pointers. */
void prtc_peer_config_forget_texts(prtc_peer_config *config);

#endif
