/* Multicast DNS messages (RFC 6762 over the format of RFC 1035): what is needed to ask for the address of a `.local`
 * name, and to answer for our own. No state.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_MDNS_MESSAGE_H
#define PRTC_MDNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyrtc/types.h>

#include "core/base/bytes.h"

/* One label of up to 63 characters, ".local" and a NUL. */
enum { PRTC_MDNS_NAME_SIZE = 70 };

enum prtc_mdns_type { PRTC_MDNS_A = 1, PRTC_MDNS_AAAA = 28, PRTC_MDNS_NSEC = 47, PRTC_MDNS_ANY = 255 };

/* Seconds for which others may keep an address: RFC 6762 section 10 recommends 120 for what has a host's name in it. */
enum { PRTC_MDNS_TTL = 120 };

/* The name that ICE may ask for: letters, digits and hyphens in one label, and ".local"
 * (draft-ietf-mmusic-mdns-ice-candidates section 3.2.1: a name with more dots is none of mDNS's). Writes it in lower
 * case; false, and "", for any other. */
bool prtc_mdns_read_name(char out[PRTC_MDNS_NAME_SIZE], const char *text, size_t size);

/* A message that is being read: open it, then take its questions, then its records. */
struct prtc_mdns_message {
  struct prtc_reader reader;
  uint16_t id;
  bool response;
  unsigned questions, records; /* left to be read */
};

struct prtc_mdns_question {
  char name[PRTC_MDNS_NAME_SIZE]; /* lower case; "": not such a name as ICE has */
  uint16_t type;
  bool internet; /* the class is IN, or any */
};

/* Of any of the three sections: where a receiver finds it makes no difference (RFC 6762 section 6). */
struct prtc_mdns_record {
  char name[PRTC_MDNS_NAME_SIZE];
  uint16_t type;
  uint32_t ttl;         /* seconds */
  prtc_address address; /* of A and AAAA of class IN, port 0; family none otherwise */
};

/* MALFORMED when it is no DNS message; UNEXPECTED for those that are to be ignored in silence (RFC 6762 section 18:
 * another opcode or a response code). */
int prtc_mdns_open(struct prtc_mdns_message *message, const uint8_t *data, size_t size);
/* False at the end of the section, and when the message is malformed: then nothing of it can be read any more. */
bool prtc_mdns_next_question(struct prtc_mdns_message *message, struct prtc_mdns_question *out);
bool prtc_mdns_next_record(struct prtc_mdns_message *message, struct prtc_mdns_record *out); /* after all questions */

/* Each returns the size, or BUFFER_TOO_SMALL; PRTC_DATAGRAM_SIZE is always enough. Names are of prtc_mdns_read_name. */
int prtc_mdns_write_query(uint8_t *out, size_t capacity, const char *name, enum prtc_mdns_type type);
/* The address, and that the name has no address of the other family (RFC 6762 section 6.1). */
int prtc_mdns_write_answer(uint8_t *out, size_t capacity, const char *name, const prtc_address *address);

#endif
