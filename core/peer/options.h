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

/* All of them become NULL: in what was read from a recording they are another process's pointers. */
void prtc_peer_config_forget_texts(prtc_peer_config *config);

#endif
