/* Texts of the configuration that choose and map local addresses.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A filter is a list of patterns with spaces between them. What a pattern with "!" in front fits is not used; of the rest
 * all is, or where there are patterns without "!" what one of them fits. NULL and "" let everything through.
 */
#ifndef PRTC_TRANSPORT_FILTER_H
#define PRTC_TRANSPORT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include <polyrtc/types.h>

/* Names of interfaces: "eth0 wlan* !docker*". Every text is one. */
bool prtc_filter_allows_name(const char *filter, const char *name);

/* Addresses and prefixes: "192.0.2.7 10.0.0.0/8 !2001:db8::/32" */
bool prtc_filter_allows_address(const char *filter, const prtc_address *address);
bool prtc_filter_is_of_addresses(const char *filter);

/* 1:1 NAT: "10.0.0.2=203.0.113.2 *+203.0.113.3". */
struct prtc_mapping {
  prtc_address local; /* family none: any of the public one's family */
  prtc_address mapped;
  bool beside; /* a candidate of its own, server-reflexive */
};

/* Takes the first mapping off the text, which moves on: 1, 0 at the end, or PRTC_ERROR_SYNTAX. */
int prtc_mapping_next(const char **text, struct prtc_mapping *out);

#endif
