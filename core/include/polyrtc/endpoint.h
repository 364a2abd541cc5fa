/* polyrtc/endpoint.h: many peers that share a clock, sockets, randomness and certificates, driven by five verbs.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * An endpoint has no socket, clock, thread or random source of its own. Its caller (a driver, an event loop, a simulator)
 * gives it what arrived and what time it is, and asks it what to do. The run loop is the same for one peer or ten thousand:
 *
 *     for (;;) {
 *       while ((n = prtc_endpoint_transmit(endpoint, now, &datagram, buffer, sizeof buffer)) > 0) send(datagram);
 *       while ((n = prtc_endpoint_event(endpoint, events, 32)) > 0) handle(events, n);       // may command peers
 *       while (prtc_endpoint_request(endpoint, &request) > 0) carry_out(request);            // later: prtc_endpoint_reply
 *       if (something was done) continue;
 *       wait until prtc_endpoint_deadline(endpoint), a datagram or a reply;
 *       prtc_endpoint_receive(endpoint, now, datagrams…);
 *       if (now >= prtc_endpoint_deadline(endpoint)) prtc_endpoint_timeout(endpoint, now);
 *     }
 *
 * Promises
 *   - Any order of calls is legal: datagrams, time-outs and commands may follow each other without a drain between them, up
 *     to the bounds named at each function.
 *   - Nothing calls back. prtc_endpoint_free is legal at any moment outside a call on the same endpoint.
 *   - A bad datagram returns a transient code, is counted, and changes nothing else.
 *   - prtc_endpoint_timeout moves the deadline: it is never in the past after prtc_endpoint_timeout(now).
 *   - With the same configuration (its seed above all), the same calls with the same arguments give the same bytes.
 *   - Sending is lazy: commands queue; datagrams are made in `transmit`. So small messages share datagrams and a single one
 *     leaves at once.
 */
#ifndef POLYRTC_ENDPOINT_H
#define POLYRTC_ENDPOINT_H

#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

typedef struct prtc_endpoint prtc_endpoint;

/* -------------------------------------------------------------------------------------------------------- configuration */

typedef struct prtc_endpoint_config {
  size_t size;                     /* sizeof(prtc_endpoint_config) */
  uint8_t seed[32];                /* from the system's random source, fresh for each endpoint. The same seed twice means
                                      the same keys twice: fixed seeds are for tests and replays alone */
  prtc_time now;                   /* the current time */
  int64_t wall_clock;              /* seconds since 1970 at `now`: certificate validity (and RTCP sender reports). 0:
                                      unknown, certificates are then made valid from 2020 */
  const prtc_allocator *allocator; /* copied; NULL: malloc, realloc, free */
  uint32_t log_level;              /* prtc_log_level; lines are polled with prtc_endpoint_log. 0: none */
  uint32_t key_log;                /* 1: TLS secrets are kept for prtc_endpoint_output. Who has them can read what was
                                      sent */
  size_t capture_size;             /* bytes of decrypted traffic that may wait for prtc_endpoint_output; 0: none is
                                      captured */
  size_t recording_size;           /* bytes of recorded inputs that may wait, the same; 0: they are not recorded */
  uint32_t udp_port;               /* 0: each peer has UDP ports of its own. Otherwise all peers share one socket for each
                                      local address, at this port (1 to 65535; what a firewall lets through), or at one that
                                      the system chooses (PRTC_PORT_ANY) */
} prtc_endpoint_config;

/* One port for all peers, whatever its number. With several local addresses each has a number of its own. */
#define PRTC_PORT_ANY 65536

/* What one port for all means. A socket is opened when the first peer gathers, and closed when the last of those that use
 * it has gone. The peer of a datagram is found by the ufrag (STUN requests), the transaction (responses), or else by the
 * remote address, once STUN has authenticated it for one peer. Two peers that the same remote address talks to on one
 * socket cannot be told apart by anything but STUN: the first that has selected that pair keeps it for as long as it has
 * consent (RFC 7675); the other takes another pair, or fails with an event that says so. So two peers of one endpoint do
 * not connect with each other from one address to the same. */

/* Makes an endpoint; `config` is not kept. NULL when memory is lacking or config->size is unknown. Free with
 * prtc_endpoint_free. */
PRTC_API prtc_endpoint *prtc_endpoint_new(const prtc_endpoint_config *config);

/* Frees the endpoint, its peers and everything handed out by them, at once and silently: to tell the other sides, close the
 * peers, then drive until their `closed` states are reported. NULL is allowed. Sockets stay the driver's to close. */
PRTC_API void prtc_endpoint_free(prtc_endpoint *endpoint);

/* ------------------------------------------------------------------------------------------------------- the five verbs */

/* Takes datagrams that arrived (trains, and chunks of streams, included). Data is borrowed for the call. Returns 0, or the
 * code of the last datagram that was dropped (transient: all datagrams have been looked at all the same), or the fatal code
 * of the endpoint. */
PRTC_API int prtc_endpoint_receive(prtc_endpoint *endpoint, prtc_time now, const prtc_datagram *datagrams, size_t count);

/* Gives the next datagram or train. `buffer` is the caller's, of `capacity` bytes, at least PRTC_DATAGRAM_SIZE; a train is
 * made as long as it, the path and what is queued allow. Fills *out, whose data points into `buffer`.
 * Returns the bytes written; 0 when there is nothing to send; PRTC_ERROR_BUFFER_TOO_SMALL (nothing is lost); the fatal code
 * of the endpoint. */
PRTC_API int prtc_endpoint_transmit(prtc_endpoint *endpoint, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                                    size_t capacity);

/* When prtc_endpoint_timeout must be called at the latest; PRTC_NEVER when nothing waits for time. O(1), and
 * one look at each peer that was commanded since the last verb. */
PRTC_API prtc_time prtc_endpoint_deadline(const prtc_endpoint *endpoint);

/* Time has passed. Legal at any time, useful from the deadline on. Returns 0 or the fatal code of the endpoint. */
PRTC_API int prtc_endpoint_timeout(prtc_endpoint *endpoint, prtc_time now);

/* Fills `events` with up to `capacity` events in order and returns how many. Whatever they point to stays valid until the
 * next event, receive, timeout or free of this endpoint; sending and other commands do not invalidate it.
 * Messages of data channels are taken from SCTP only here: events that nobody fetches close the receive window of the other
 * side instead of growing. Other events have no such bound but are few: each is caused by a command or by a change of
 * state. */
struct prtc_event;
PRTC_API int prtc_endpoint_event(prtc_endpoint *endpoint, struct prtc_event *events, size_t capacity);

/* --------------------------------------------------------------------------------------------------------------- events */

/* What the application should know. Columns: which members are set beside `type` and `peer`. */
typedef enum prtc_event_type {
  PRTC_EVENT_NONE = 0,

  /* The endpoint (peer is 0) */
  PRTC_EVENT_ENDPOINT_FAILED, /* code: fatal (see error.h). Comes once, in place of all other events of its peers; every
                                 call but `event`, `request` and `free` returns the code from then on */

  /* A peer: W3C WebRTC 1.0 section 4.4 */
  PRTC_EVENT_NEGOTIATION_NEEDED,
  PRTC_EVENT_SIGNALING_STATE_CHANGE,      /* state: prtc_signaling_state */
  PRTC_EVENT_ICE_GATHERING_STATE_CHANGE,  /* state: prtc_ice_gathering_state */
  PRTC_EVENT_ICE_CONNECTION_STATE_CHANGE, /* state: prtc_ice_connection_state */
  PRTC_EVENT_CONNECTION_STATE_CHANGE,     /* state: prtc_connection_state */
  PRTC_EVENT_ICE_CANDIDATE,               /* text: "candidate:…", or "" at the end of a generation; mid; index; ufrag. After
                                             the last generation's end comes one more with text NULL (W3C: candidate
                                             null) */
  PRTC_EVENT_ICE_CANDIDATE_ERROR,         /* text: the server's URL ("turn:host:port?transport=udp"), a space, and why;
                                             code: STUN error code as a positive number, 701 when the server could not be
                                             reached. Once a server and gathering */
  PRTC_EVENT_FAILED,                      /* code, text: why the connection failed, in one sentence. Once a failure.
                                             NO_MEMORY may also mean that an event was lost: prtc_peer_get_states then says
                                             what holds */

  /* Transports: W3C 5.5, 5.6, 6.1 */
  PRTC_EVENT_ICE_TRANSPORT_STATE_CHANGE,  /* object: transport; state: prtc_ice_transport_state */
  PRTC_EVENT_ICE_SELECTED_PAIR_CHANGE,    /* object: transport; text: "local remote" */
  PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE, /* object: transport; state: prtc_dtls_transport_state */
  PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE, /* object: transport; state: prtc_sctp_transport_state */

  /* Data channels: W3C 6.2; object: the channel's prtc_channel_id */
  PRTC_EVENT_DATA_CHANNEL,                /* the other side opened one; ask prtc_peer_channel_info for label and so on */
  PRTC_EVENT_CHANNEL_OPEN,
  PRTC_EVENT_CHANNEL_MESSAGE,             /* data, size (data is not NULL even when size is 0); kind: prtc_message_kind;
                                             flags: PRTC_MESSAGE_… (data.h): on a streaming channel it is a part of one */
  PRTC_EVENT_CHANNEL_BUFFERED_AMOUNT_LOW,
  PRTC_EVENT_CHANNEL_CLOSING,
  PRTC_EVENT_CHANNEL_ERROR,               /* code, text */
  PRTC_EVENT_CHANNEL_CLOSED,              /* the channel id is of no more use */

  /* The transports one by one: transport.h */
  PRTC_EVENT_TRANSPORT_DATA,              /* object: transport; kind: prtc_stage; data, size: a datagram, or a record of
                                             DTLS. 256 may wait to be fetched, those that come then are dropped */

  /* Media: reserved, so that the numbers stay: tracks, frames, packets, feedback, bandwidth */
  PRTC_EVENT_MEDIA_FIRST = 100
} prtc_event_type;

typedef struct prtc_event {
  uint32_t type;       /* prtc_event_type */
  int32_t code;        /* a prtc_error, or what the type says */
  prtc_peer_id peer;   /* 0: the endpoint */
  uint64_t object;     /* channel, transport (or transceiver) within the peer; 0 when none */
  uint32_t state;      /* the new state: an enum that the type names */
  uint32_t kind;       /* prtc_message_kind */
  uint32_t flags;
  uint32_t index;      /* sdpMLineIndex */
  const uint8_t *data; /* bytes of a message */
  size_t size;         /* bytes in data */
  const char *text;    /* NUL-terminated UTF-8, or NULL */
  const char *mid;     /* NUL-terminated, or NULL */
  const char *ufrag;   /* NUL-terminated, or NULL */
} prtc_event;

/* ------------------------------------------------------------------------------------------------------------- requests */

/* What the core asks of the driver. Requests are carried out in any order and answered with prtc_endpoint_reply when done;
 * a driver that cannot do one answers with an error, and the core goes on without. */
typedef enum prtc_request_type {
  PRTC_REQUEST_NONE = 0,
  PRTC_REQUEST_INTERFACES,     /* read the local interfaces; reply: interfaces, interface_count */
  PRTC_REQUEST_OPEN_UDP,       /* socket; address: where to bind (port 0: any); interface_index. Reply: address, as bound */
  PRTC_REQUEST_CONNECT_TCP,    /* socket; address: where to bind (family none: the system's choice); remote: where to
                                  connect; interface_index. Reply: address, once connected */
  PRTC_REQUEST_LISTEN_TCP,     /* socket; address; interface_index. Reply: address; then prtc_endpoint_accepted for each */
  PRTC_REQUEST_CLOSE,          /* socket: close it. No reply */
  PRTC_REQUEST_JOIN_MULTICAST, /* socket: a UDP one, bound to `address`, a group and a port that other programs may have as
                                  well (SO_REUSEADDR, SO_REUSEPORT); joined on interface_index, by which what it sends to
                                  the group leaves (with 255 hops), this machine's own members included. Reply: address, as
                                  bound */
  PRTC_REQUEST_RESOLVE,        /* name; reply: addresses, address_count (ports are of no matter) */
  PRTC_REQUEST_TRUST_ANCHORS   /* the system's: reply: data, data_size, PEM of certificates. When a turns: server is first
                                  used */
} prtc_request_type;

typedef struct prtc_request {
  uint32_t type;            /* prtc_request_type */
  uint64_t id;              /* to be repeated in the reply; never reused */
  prtc_socket_id socket;
  prtc_address address;
  prtc_address remote;
  uint32_t interface_index;
  const char *name;         /* NUL-terminated; valid until the next call of prtc_endpoint_request */
  uint32_t shared;          /* 1: the socket is that of all peers (prtc_endpoint_config.udp_port) */
} prtc_request;

/* How an interface is attached, W3C webrtc-stats and RFC 8421: it decides the order of candidates. */
typedef enum prtc_network_type {
  PRTC_NETWORK_UNKNOWN = 0,
  PRTC_NETWORK_LOOPBACK,
  PRTC_NETWORK_ETHERNET,
  PRTC_NETWORK_WIFI,
  PRTC_NETWORK_CELLULAR,
  PRTC_NETWORK_VPN
} prtc_network_type;

/* One address of one interface. */
typedef struct prtc_interface {
  prtc_address address;  /* port 0 */
  uint32_t index;        /* the kernel's interface index */
  uint32_t network_type; /* prtc_network_type */
  uint32_t temporary;    /* 1: an RFC 8981 temporary address (to be preferred); 0 otherwise */
  char name[24];         /* NUL-terminated, "eth0" */
} prtc_interface;

typedef struct prtc_reply {
  size_t size;           /* sizeof(prtc_reply) */
  uint64_t id;           /* of the request */
  int32_t code;          /* 0, or a prtc_error (NOT_SUPPORTED when the driver has no such thing) */
  int32_t system_error;  /* errno, for the log */
  prtc_address address;
  const prtc_interface *interfaces; /* borrowed for the call, as are the addresses */
  size_t interface_count;
  const prtc_address *addresses;
  size_t address_count;
  const uint8_t *data;   /* borrowed likewise */
  size_t data_size;
} prtc_reply;

/* Takes the next request out of the queue: 1, or 0 when there is none. */
PRTC_API int prtc_endpoint_request(prtc_endpoint *endpoint, prtc_request *out);

/* Answers a request. PRTC_ERROR_NOT_FOUND when it is unknown, was answered, or is no longer of interest: the driver then
 * closes what it opened for it. */
PRTC_API int prtc_endpoint_reply(prtc_endpoint *endpoint, prtc_time now, const prtc_reply *reply);

/* Sending to `remote` failed with an error that ICMP brought (or EMSGSIZE): a hint, believed only as far as RFC 8445 allows
 * (checks in progress on that path may fail sooner; an established path is left to consent). */
PRTC_API int prtc_endpoint_unreachable(prtc_endpoint *endpoint, prtc_time now, prtc_socket_id socket,
                                       const prtc_address *remote, int system_error);

/* The driver saw interfaces come or go. Peers that have gathered ask for PRTC_REQUEST_INTERFACES again: new addresses
 * become sockets and candidates (ICE_CANDIDATE; the gathering state stays what it is), the sockets of addresses that are no
 * more are closed. When the selected pair is among them it moves to another one, also to one that comes within seven
 * seconds, without a change of state; else the ICE state becomes disconnected and then failed, and it is for the
 * application to restart ICE. Cheap, and harmless when nothing has changed. A driver that does not notice changes need not
 * call it: an address that is gone shows as a path that falls silent. */
PRTC_API int prtc_endpoint_interfaces_changed(prtc_endpoint *endpoint, prtc_time now);

/* -------------------------------------------------------------------------------------------------------------- streams */

/* TCP connections: those that PRTC_REQUEST_CONNECT_TCP has made and those that prtc_endpoint_accepted has told of.
 *
 *   In      What arrives goes to prtc_endpoint_receive in order, in chunks of any size, as datagrams of that socket.
 *   Out     transmit gives, with protocol PRTC_PROTOCOL_TCP, bytes to be appended to the stream. The driver takes all of
 *           them. When it cannot pass all on at once, it keeps the rest, which is no more than one transmit gives, and says
 *           so by prtc_endpoint_writable(…, 0) before the next transmit; when the rest is gone it says 1. In between
 *           nothing is given for that connection, while others go on. A new connection is writable. (A driver that does not
 *           speak of it has to keep whatever it is given: the core paces itself by what the other side acknowledges, but
 *           not by what this machine can take.)
 *   The end By the other side, or by an error: prtc_endpoint_socket_closed. By the core: PRTC_REQUEST_CLOSE; what is kept
 *           is dropped. A CLOSE may also name a connection that is still being made: nothing is replied then. */

/* A listening TCP socket has a new connection: *connection is set to the id under which its bytes are to be received.
 * NOT_FOUND: there is no such listener; QUEUE_FULL: too many connections that nothing has been heard of yet; NO_MEMORY: the
 * driver closes it. */
PRTC_API int prtc_endpoint_accepted(prtc_endpoint *endpoint, prtc_time now, prtc_socket_id listener,
                                    const prtc_address *local, const prtc_address *remote, prtc_socket_id *connection);

/* Whether the connection takes more (1) or not now (0). NOT_FOUND when there is none of that id. */
PRTC_API int prtc_endpoint_writable(prtc_endpoint *endpoint, prtc_time now, prtc_socket_id connection, int writable);

/* A socket has failed or a TCP connection was closed by the other side; `system_error` is for the log (0: it was closed in
 * order). The core does not ask for it to be closed again. */
PRTC_API int prtc_endpoint_socket_closed(prtc_endpoint *endpoint, prtc_time now, prtc_socket_id socket, int system_error);

/* ----------------------------------------------------------------------------------------------------------- see inside */

typedef enum prtc_log_level {
  PRTC_LOG_NONE = 0,
  PRTC_LOG_ERROR,
  PRTC_LOG_WARNING,
  PRTC_LOG_INFO,
  PRTC_LOG_DEBUG,
  PRTC_LOG_TRACE
} prtc_log_level;

/* Which lines are kept from now on: of one layer ("ice", "dtls" …, whatever stands in lines), or with NULL of all of them.
 * Errors: INVALID_ARGUMENT. */
PRTC_API int prtc_endpoint_set_log_level(prtc_endpoint *endpoint, const char *layer, uint32_t level);

/* Takes the oldest log line, NUL-terminated, without a newline: "<time> <level> <layer> <peer>: <text>". Returns its
 * length, 0 when there is none, or PRTC_ERROR_BUFFER_TOO_SMALL. The log keeps the newest 256 lines of up to 255 bytes; what
 * fell out is counted in a line of its own. */
PRTC_API int prtc_endpoint_log(prtc_endpoint *endpoint, char *out, size_t capacity);

/* Files that an endpoint can make when its configuration says so. Each is to be written from its beginning as it is
 * polled. */
typedef enum prtc_output {
  PRTC_OUTPUT_KEY_LOG = 0, /* lines of the NSS key log format, with which Wireshark decrypts DTLS. 64 KiB may wait */
  PRTC_OUTPUT_CAPTURE,     /* pcapng: datagrams as they are on an interface "network", and SCTP packets, decrypted, on an
                              interface "decrypted". Packets that found no room are counted at the next one */
  PRTC_OUTPUT_RECORDING    /* every input, to be run again: see replay.h. It ends when its bound is reached */
} prtc_output;

/* Takes the next bytes: how many, 0 when there are none. */
PRTC_API int prtc_endpoint_output(prtc_endpoint *endpoint, prtc_output which, uint8_t *out, size_t capacity);

typedef struct prtc_endpoint_stats {
  size_t size;
  uint64_t datagrams_received;   /* of all kinds; a train counts each of its datagrams */
  uint64_t datagrams_sent;
  uint64_t bytes_received;
  uint64_t bytes_sent;
  uint64_t datagrams_dropped;    /* received, but malformed, unauthenticated or unexpected */
  uint64_t peers;                /* now */
  uint64_t datagrams_unknown;    /* of those dropped: no peer was found for them */
} prtc_endpoint_stats;

/* Fills what fits into stats->size bytes. */
PRTC_API int prtc_endpoint_get_stats(const prtc_endpoint *endpoint, prtc_endpoint_stats *stats);

PRTC_END_DECLS

#endif
