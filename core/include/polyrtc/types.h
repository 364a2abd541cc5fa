/* polyrtc/types.h: the vocabulary that every other header uses.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Terms
 *   endpoint    many peers that share a clock, sockets, randomness and certificates
 *   peer        one RTCPeerConnection
 *   driver      the code outside the core that owns sockets, the clock and entropy
 *   caller      whoever calls these functions: a driver, a binding, an application
 *
 * Conventions of all headers
 *   - Functions that return `int` return 0 or a positive number on success and a negative prtc_error otherwise.
 *   - Pointers passed in are borrowed for the length of the call, unless the comment says otherwise.
 *   - Text passed in is UTF-8 with an explicit length; text given out is NUL-terminated as well.
 *   - Structs that the caller fills begin with `size`: set it to sizeof of the struct and zero the rest (the macro
 *     PRTC_INIT does both). New members are added at the end; members beyond `size` count as zero. A struct that is larger
 *     than what the library knows is taken when the rest is zero, and otherwise refused (INVALID_ARGUMENT or NULL).
 *   - Nothing here is thread-safe by itself: one endpoint (and all that belongs to it) is used by one thread at a time.
 *     Two endpoints in two threads share nothing.
 */
#ifndef POLYRTC_TYPES_H
#define POLYRTC_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* The version of these headers, and of everything that is made with them: the packages of the languages take it from here. */
#define PRTC_VERSION "0.1.0"

#ifdef __cplusplus
#define PRTC_BEGIN_DECLS extern "C" {
#define PRTC_END_DECLS }
#else
#define PRTC_BEGIN_DECLS
#define PRTC_END_DECLS
#endif

#if defined(SWIG) || defined(_WIN32)
#define PRTC_API
#elif defined(__GNUC__)
#define PRTC_API __attribute__((visibility("default")))
#else
#define PRTC_API
#endif

/* Zeroes *p and sets its `size`. */
#define PRTC_INIT(p) (memset((p), 0, sizeof *(p)), (p)->size = sizeof *(p))

/* Microseconds of the caller's monotonic clock; its zero is the caller's choice. Time that goes backwards is harmless: it
 * is taken as the latest time seen. */
typedef uint64_t prtc_time;

/* "Never": no deadline. */
#define PRTC_NEVER UINT64_MAX

/* ------------------------------------------------------------------------------------------------------------ addresses */

typedef enum prtc_family {
  PRTC_FAMILY_NONE = 0, /* no address: all other members are zero */
  PRTC_FAMILY_IPV4 = 4,
  PRTC_FAMILY_IPV6 = 6
} prtc_family;

/* An IP address and a port. Compare with prtc_address_equal, not with memcmp. */
typedef struct prtc_address {
  uint8_t family;  /* prtc_family */
  uint8_t ip[16];  /* network order; IPv4 uses the first four bytes, the others are zero */
  uint16_t port;   /* host order */
  uint32_t scope;  /* IPv6 zone (RFC 4007) as an interface index, for link-local addresses; 0 otherwise */
} prtc_address;

/* The longest text of an address: "[" IPv6 "%" scope "]:" port and a NUL. */
#define PRTC_ADDRESS_TEXT_SIZE 72

/* ------------------------------------------------------------------------------------------------------------ datagrams */

typedef enum prtc_protocol {
  PRTC_PROTOCOL_UDP = 0,
  PRTC_PROTOCOL_TCP = 1 /* bytes of a TCP connection, which `socket` names: see "streams" in endpoint.h. Framing is the
                           core's */
} prtc_protocol;

/* Explicit congestion notification, RFC 3168 section 5: the two bits of the IP header. */
typedef enum prtc_ecn { PRTC_ECN_NOT_ECT = 0, PRTC_ECN_ECT_1 = 1, PRTC_ECN_ECT_0 = 2, PRTC_ECN_CE = 3 } prtc_ecn;

/* Whether a datagram may be fragmented on its way (by this host, or routers of IPv4). */
typedef enum prtc_fragmentation {
  PRTC_FRAGMENTATION_ANY = 0, /* as the system has it */
  PRTC_FRAGMENTATION_NEVER    /* it is to be lost instead: it asks what the path takes (RFC 8899) */
} prtc_fragmentation;

/* Names a socket (or a TCP connection). The core chooses the id when it asks the driver to open one; ids are never reused
 * within an endpoint. 0 is no socket. */
typedef uint64_t prtc_socket_id;

/* One datagram, or a train of them: several datagrams of equal size (the last may be shorter) on one path in one buffer, so
 * that a driver can hand them to the kernel in one call (UDP_SEGMENT) and take them in one call (UDP_GRO). */
typedef struct prtc_datagram {
  prtc_socket_id socket;
  uint32_t protocol;        /* prtc_protocol, of what is sent; of what is received the socket tells */
  uint32_t interface_index; /* the interface it arrived on or should leave by; 0 when unknown or of no matter */
  prtc_address local;       /* the address it arrived at or should leave from; family none: the socket's own */
  prtc_address remote;
  const uint8_t *data;
  size_t size;              /* bytes in data, the whole train */
  size_t segment_size;      /* bytes of each datagram of a train; 0 when there is just one datagram */
  uint32_t ecn;             /* prtc_ecn, of all datagrams of a train */
  prtc_time time;           /* when it arrived, by the clock of prtc_time (congestion control uses it); 0: now */
  uint32_t fragmentation;   /* prtc_fragmentation, of all datagrams of a train that is sent */
} prtc_datagram;

/* A buffer of this size holds any train that the core makes (an UDP_SEGMENT call takes no more). */
#define PRTC_TRAIN_SIZE 65535

/* The least buffer that `transmit` accepts: any single datagram fits. */
#define PRTC_DATAGRAM_SIZE 16640

/* ------------------------------------------------------------------------------------------------------- identifiers */

typedef uint64_t prtc_peer_id;    /* never reused within an endpoint; 0 is none */
typedef uint64_t prtc_channel_id; /* a data channel of a peer (not its SCTP stream id); never reused; 0 is none */

/* ------------------------------------------------------------------------------------------------------------ allocator */

/* Memory for everything that is polyrtc's own and for SCTP. (BoringSSL and libsrtp2 keep the process allocator.) All three
 * are called with `context` and only from within calls on the endpoint that was made with this allocator. `allocate` may
 * return NULL: the call at hand returns PRTC_ERROR_NO_MEMORY without effect, and what cannot do without (a channel, an
 * association) ends with an event that says so. */
typedef struct prtc_allocator {
  void *context;
  void *(*allocate)(void *context, size_t size);
  void *(*reallocate)(void *context, void *pointer, size_t size);
  void (*release)(void *context, void *pointer);
} prtc_allocator;

/* -------------------------------------------------------------------------------------------------------------- context */

/* What the building blocks (ice.h, dtls.h, sctp.h …) share: memory, randomness and the log. An endpoint has one of its own;
 * a program that uses a block alone makes one. It must outlive the objects that were made with it. */
typedef struct prtc_context prtc_context;

typedef struct prtc_context_config {
  size_t size;
  uint8_t seed[32];                /* as in prtc_endpoint_config */
  const prtc_allocator *allocator; /* copied; NULL: malloc, realloc, free */
  uint32_t log_level;              /* prtc_log_level */
} prtc_context_config;

PRTC_BEGIN_DECLS

/* NULL when memory is lacking or config->size is unknown. */
PRTC_API prtc_context *prtc_context_new(const prtc_context_config *config);
PRTC_API void prtc_context_free(prtc_context *context);

/* Reads "192.0.2.1:5000", "[2001:db8::1%2]:5000", or an address without port ("192.0.2.1", "2001:db8::1": port 0).
 * Names are not resolved. PRTC_ERROR_INVALID_ARGUMENT for anything else; *out is then untouched. */
PRTC_API int prtc_address_parse(prtc_address *out, const char *text, size_t size);

/* Writes the text form, NUL-terminated; returns its length without the NUL, or PRTC_ERROR_BUFFER_TOO_SMALL. */
PRTC_API int prtc_address_print(const prtc_address *address, char *out, size_t capacity);

/* 1 when family, IP, scope and port are equal, else 0. */
PRTC_API int prtc_address_equal(const prtc_address *a, const prtc_address *b);

/* PRTC_VERSION of the library that is there at run time */
PRTC_API const char *prtc_version(void);

PRTC_END_DECLS

#endif
