/* Filters of interfaces and addresses, mappings.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/transport/filter.h"

#include <string.h>

#include <polyrtc/error.h>

#include "core/base/testing.h"

static prtc_address address_of(const char *text) {
  prtc_address address;
  PRTC_REQUIRE(prtc_address_parse(&address, text, strlen(text)) == 0);
  return address;
}

static void names(void) {
  static const struct {
    const char *filter, *name;
    bool allowed;
  } cases[] = {
      {NULL, "eth0", true},          {"", "eth0", true},
      {"eth0", "eth0", true},        {"eth0", "eth01", false},
      {"eth0", "eth", false},        {"eth*", "eth01", true},
      {"eth*", "wlan0", false},      {"eth* wlan*", "wlan0", true},
      {"!docker*", "docker0", false}, {"!docker*", "eth0", true},
      {"eth* !eth1", "eth1", false}, {"!eth1 eth*", "eth0", true},
      {"*", "anything", true},       {"!*", "anything", false},
      {"  eth0   wlan0 ", "wlan0", true}, {"!docker* !veth*", "veth17", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    PRTC_CHECK_INT(prtc_filter_allows_name(cases[i].filter, cases[i].name), cases[i].allowed);
  }
}

static void addresses(void) {
  static const struct {
    const char *filter, *address;
    bool allowed;
  } cases[] = {
      {NULL, "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.2", false},
      {"192.0.2.0/24", "192.0.2.200", true},
      {"192.0.2.0/25", "192.0.2.200", false},
      {"192.0.2.128/25", "192.0.2.200", true},
      {"10.0.0.0/8 !10.1.0.0/16", "10.1.2.3", false},
      {"10.0.0.0/8 !10.1.0.0/16", "10.2.2.3", true},
      {"10.0.0.0/8", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "10.0.0.1", false},
      {"!::/0", "2001:db8::1", false},
      {"!::/0", "10.0.0.1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"2001:db8::/32", "2001:db8:8000::1", true},
      {"0.0.0.0/0", "10.0.0.1", true},
      {"2001:db8::1/128", "2001:db8::1", true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    prtc_address address = address_of(cases[i].address);
    PRTC_CHECK(prtc_filter_is_of_addresses(cases[i].filter));
    PRTC_CHECK_INT(prtc_filter_allows_address(cases[i].filter, &address), cases[i].allowed);
  }
}

static void bad_addresses(void) {
  static const char *const bad[] = {"eth0",   "10.0.0.0/33", "::/129",      "10.0.0.0/", "10.0.0.0/x",
                                    "10.0.0", "!",           "10.0.0.1:80", "[::1]",     "10.0.0.0/8,10.1.0.0/16",
                                    "/8",     "10.0.0.0/-1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) PRTC_CHECK(!prtc_filter_is_of_addresses(bad[i]));
}

static void mappings(void) {
  const char *text = "10.0.0.2=203.0.113.2  2001:db8::1+2001:db8::2 *=203.0.113.4";
  struct prtc_mapping mapping;
  prtc_address local = address_of("10.0.0.2"), mapped = address_of("203.0.113.2"), other = address_of("2001:db8::2");
  PRTC_CHECK_INT(prtc_mapping_next(&text, &mapping), 1);
  PRTC_CHECK(prtc_address_equal(&mapping.local, &local) && prtc_address_equal(&mapping.mapped, &mapped) && !mapping.beside);
  PRTC_CHECK_INT(prtc_mapping_next(&text, &mapping), 1);
  PRTC_CHECK(prtc_address_equal(&mapping.mapped, &other) && mapping.beside);
  PRTC_CHECK_INT(prtc_mapping_next(&text, &mapping), 1);
  PRTC_CHECK_INT(mapping.local.family, PRTC_FAMILY_NONE);
  PRTC_CHECK_INT(prtc_mapping_next(&text, &mapping), 0);
  static const char *const bad[] = {
      "10.0.0.2", "10.0.0.2=", "=203.0.113.2", "10.0.0.2=2001:db8::1", "a=b", "10.0.0.2:1=203.0.113.2"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    text = bad[i];
    PRTC_CHECK_INT(prtc_mapping_next(&text, &mapping), PRTC_ERROR_SYNTAX);
  }
}

int main(void) {
  PRTC_RUN(names);
  PRTC_RUN(addresses);
  PRTC_RUN(bad_addresses);
  PRTC_RUN(mappings);
  return PRTC_TEST_RESULT();
}
