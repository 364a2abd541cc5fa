/* polyrtc/ice.h: ICE as a building block, for one component of one data stream (RFC 8445, 8838 trickle, 7675 consent, 6544
 * TCP).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The object never opens a socket: it is told of sockets (prtc_ice_add_socket), sends and receives STUN over them,
 * reports the local candidates that follow, and says which pair is selected. Data of others (DTLS, RTP) does not pass
 * through it: the caller sends it on the selected pair, after asking prtc_ice_knows_path about what arrives.
 */
#ifndef POLYRTC_ICE_H
#define POLYRTC_ICE_H

#include <polyrtc/error.h>
#include <polyrtc/turn.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

typedef struct prtc_ice prtc_ice;

/* ------------------------------------------------------------------------------------------------------- candidates */

/* RFC 8445 section 5.1.1 */
typedef enum prtc_candidate_type {
  PRTC_CANDIDATE_HOST = 0,
  PRTC_CANDIDATE_SERVER_REFLEXIVE,
  PRTC_CANDIDATE_PEER_REFLEXIVE,
  PRTC_CANDIDATE_RELAYED
} prtc_candidate_type;

/* RFC 6544 section 4.5 */
typedef enum prtc_tcp_type {
  PRTC_TCP_NONE = 0,
  PRTC_TCP_ACTIVE,
  PRTC_TCP_PASSIVE,
  PRTC_TCP_SIMULTANEOUS_OPEN
} prtc_tcp_type;

#define PRTC_CANDIDATE_TEXT_SIZE 512

/* STUN servers of one connection, and addresses of them that are asked: those of a name that come too late are left out. */
#define PRTC_ICE_SERVERS_MAX 8

/* candidate-attribute of RFC 8839 section 5.1 */
typedef struct prtc_candidate {
  char foundation[33];     /* NUL-terminated, ice-chars */
  uint32_t component;      /* 1 to 256 */
  uint32_t protocol;       /* prtc_protocol */
  uint32_t tcp_type;       /* prtc_tcp_type */
  uint32_t priority;
  uint32_t type;           /* prtc_candidate_type */
  prtc_address address;    /* family none when the address is a name (then `name` is set) */
  prtc_address related;    /* raddr, rport; family none when absent */
  char name[256];          /* NUL-terminated host name (".local", RFC 8828); "" when there is an address */
  char ufrag[257];         /* NUL-terminated; "" when absent */
  /* Of local ones alone, and not in their text: */
  prtc_address server;     /* the STUN or TURN server it was gathered from; family none: none */
  uint32_t relay_protocol; /* prtc_relay_protocol: how that server was reached, of relayed ones */
} prtc_candidate;

/* Reads "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host …" (a leading "a=" is allowed). Unknown extensions are
 * skipped. SYNTAX when it is not well formed; NOT_SUPPORTED for a transport other than UDP and TCP. */
PRTC_API int prtc_candidate_parse(prtc_candidate *out, const char *text, size_t size);

/* Writes "candidate:…" NUL-terminated; returns its length. */
PRTC_API int prtc_candidate_print(const prtc_candidate *candidate, char *out, size_t capacity);

/* ---------------------------------------------------------------------------------------------------- configuration */

typedef struct prtc_ice_config {
  size_t size;
  uint32_t controlling;         /* 1: controlling at first (a role conflict may turn it) */
  uint32_t lite;                /* 1: an ICE-lite agent (RFC 8445 section 2.5): host candidates alone, no checks; it answers
                                   those of the other side, which controls, and uses the pair that it nominates */
  uint32_t ta;                  /* µs between new checks that this side offers, at least 5,000; 0: 50,000. The larger of
                                   both sides' counts (RFC 8445 section 14.2) */
  uint32_t initial_rto;         /* µs; 0: max(500 ms, Ta * pairs) (RFC 8445 section 14.3) */
  uint32_t max_transmissions;   /* Rc of RFC 8489 section 6.2.1, at most 32; 0: 7. It sets for how long a check is tried
                                   (39.5 s); there are more transmissions, as the interval doubles to 4 RTO at most */
  uint32_t consent_interval;    /* µs from an answer to the next consent check, randomised ±20 % (RFC 7675 section 5.1); a
                                   fifth of it from a check that is not answered; 0: 5,000,000 */
  uint32_t consent_timeout;     /* µs without an answer until consent has expired; 0: 30,000,000 */
  uint32_t disconnect_timeout;  /* µs since the first consent check without an answer until `disconnected`, when nothing
                                   else of the other side is heard; 0: 7,000,000 */
  uint32_t renomination;        /* 1: offered (draft-thatcher-ice-renomination): where the other side does so too, the
                                   selected pair moves to one of a better kind when that comes */
  uint32_t hidden_hosts;        /* 1: the other side is not told the addresses of host candidates. So a server-reflexive
                                   candidate of the same address is none too many, although there is no NAT */
  const char *ufrag, *password; /* of the first generation, for who has arranged them otherwise than by signalling; NUL-
                                   terminated ice-chars (RFC 8839 section 5.4): 4 to 32 and 22 to 64 of them. Copied.
                                   NULL, both: random. A ufrag that is in use already on a port that is shared gives way to
                                   random ones */
} prtc_ice_config;

/* ufrag and password, RFC 8839 section 5.4. NUL-terminated: 4 to 256 and 22 to 256 ice-chars. */
typedef struct prtc_ice_parameters {
  char ufrag[257];
  char password[257];
  uint32_t lite; /* the side that these belong to is an ICE-lite one */
  uint32_t renomination; /* it offers renomination */
  uint32_t pacing; /* its a=ice-pacing, ms (RFC 8839 section 5.5), at most PRTC_ICE_PACING_MOST; 0: not given, which means
                      50 */
} prtc_ice_parameters;

#define PRTC_ICE_PACING_MOST 10000

/* RTCIceTransportState */
typedef enum prtc_ice_transport_state {
  PRTC_ICE_TRANSPORT_NEW = 0,
  PRTC_ICE_TRANSPORT_CHECKING,
  PRTC_ICE_TRANSPORT_CONNECTED,
  PRTC_ICE_TRANSPORT_COMPLETED,
  PRTC_ICE_TRANSPORT_DISCONNECTED,
  PRTC_ICE_TRANSPORT_FAILED,
  PRTC_ICE_TRANSPORT_CLOSED
} prtc_ice_transport_state;

typedef enum prtc_ice_event_type {
  PRTC_ICE_EVENT_NONE = 0,
  PRTC_ICE_EVENT_CANDIDATE,          /* candidate: a new local one */
  PRTC_ICE_EVENT_GATHERING_COMPLETE, /* all candidates of this generation have been reported */
  PRTC_ICE_EVENT_STATE,              /* state */
  PRTC_ICE_EVENT_SELECTED_PAIR,      /* ask prtc_ice_get_usable_pair */
  PRTC_ICE_EVENT_FAILED,             /* code, text: one sentence: what was tried, answered, missing; then STATE */
  PRTC_ICE_EVENT_CANDIDATE_WITHDRAWN, /* candidate: a local one that is no more, for its socket is not */
  PRTC_ICE_EVENT_SERVER_FAILED       /* code: a STUN error code as a positive number, or 701: no socket has reached it; once
                                        a gathering; candidate.address: of the server, .related: of the socket */
} prtc_ice_event_type;

typedef struct prtc_ice_event {
  uint32_t type;  /* prtc_ice_event_type */
  uint32_t state; /* prtc_ice_transport_state */
  int32_t code;   /* prtc_error */
  prtc_candidate candidate;
  char text[256];
} prtc_ice_event;

/* The pair that data goes over. */
typedef struct prtc_ice_pair {
  prtc_socket_id socket;            /* a TCP connection's when protocol says so */
  uint32_t interface_index;
  prtc_address local;  /* the base: what the socket is bound to */
  prtc_address remote;
  uint32_t local_type, remote_type; /* prtc_candidate_type */
  uint64_t round_trip_time;         /* µs, the latest; 0: not measured */
  uint32_t protocol;                /* prtc_protocol */
} prtc_ice_pair;

/* ----------------------------------------------------------------------------------------------------------- object */

/* NULL when memory is lacking or the configuration is not acceptable. */
PRTC_API prtc_ice *prtc_ice_new(prtc_context *context, const prtc_ice_config *config);
PRTC_API void prtc_ice_free(prtc_ice *ice); /* NULL is allowed */

/* The five verbs. `receive` takes one datagram that is STUN by RFC 7983 (first byte 0 to 3), not a train. It may arrive
 * before the remote parameters are known: checks are then remembered, up to a bound, or answered as RFC 8445 section 7.3
 * allows. What it drops: MALFORMED, UNEXPECTED, UNAUTHENTICATED; NO_MEMORY. `transmit` returns the datagram's size, 0, or
 * BUFFER_TOO_SMALL (it stays; PRTC_DATAGRAM_SIZE is enough). `timeout` returns 0. */
PRTC_API int prtc_ice_receive(prtc_ice *ice, prtc_time now, const prtc_datagram *datagram);
PRTC_API int prtc_ice_transmit(prtc_ice *ice, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity);
PRTC_API prtc_time prtc_ice_deadline(const prtc_ice *ice);
PRTC_API int prtc_ice_timeout(prtc_ice *ice, prtc_time now);
/* 1, 0 when there is none, or once NO_MEMORY when one was lost for the lack of it: the state can be asked for. */
PRTC_API int prtc_ice_event_next(prtc_ice *ice, prtc_ice_event *out);

/* What this side offers. */
PRTC_API int prtc_ice_get_local_parameters(const prtc_ice *ice, prtc_ice_parameters *out);

/* Whether prtc_ice_set_remote_parameters would take them: 0 or SYNTAX. */
PRTC_API int prtc_ice_check_parameters(const prtc_ice_parameters *parameters);

/* What the other side offered. Other credentials than before start a new generation on that side (its candidates are
 * forgotten; the selected pair stays in use until the new generation has one). SYNTAX when they are not ice-chars of
 * the right length; NOT_SUPPORTED when both sides are lite. */
PRTC_API int prtc_ice_set_remote_parameters(prtc_ice *ice, prtc_time now, const prtc_ice_parameters *parameters);

/* 1: this side controls, until a role conflict turns it (RFC 8445 section 7.3.1.1). */
PRTC_API int prtc_ice_set_controlling(prtc_ice *ice, prtc_time now, int controlling);

/* A STUN server (RFC 8489) for server-reflexive candidates of all sockets of its family, those added before and after.
 * Errors: INVALID_ARGUMENT (no address), QUEUE_FULL (PRTC_ICE_SERVERS_MAX are there), NO_MEMORY. */
PRTC_API int prtc_ice_add_server(prtc_ice *ice, prtc_time now, const prtc_address *server);

/* The next generation has none of the servers there are now, but those that are added from now on. */
PRTC_API void prtc_ice_forget_servers(prtc_ice *ice);

/* A 1:1 NAT: sockets that are added later at `local` (family none: any address of the family of `mapped`; ports are of no
 * matter) can be reached at `mapped`, on their own port. type: PRTC_CANDIDATE_HOST puts it in the place of the host
 * candidate, …_SERVER_REFLEXIVE beside it. The first that fits counts. QUEUE_FULL beyond PRTC_ICE_MAPPINGS_MAX;
 * INVALID_ARGUMENT (another type, or families that differ), NO_MEMORY. */
#define PRTC_ICE_MAPPINGS_MAX 16
PRTC_API int prtc_ice_add_mapping(prtc_ice *ice, const prtc_address *local, const prtc_address *mapped,
                                  prtc_candidate_type type);

/* A socket that the caller has open: becomes a host candidate. `address` is what it is bound to (never a wildcard).
 * network_type: prtc_network_type. Errors: INVALID_ARGUMENT (id 0, no address or port), INVALID_STATE (the id is in use),
 * QUEUE_FULL (32 of a kind: UDP, active TCP, passive TCP, relays), NO_MEMORY. */
PRTC_API int prtc_ice_add_socket(prtc_ice *ice, prtc_time now, prtc_socket_id socket, const prtc_address *address,
                                 uint32_t interface_index, uint32_t network_type);
/* It is gone (NOT_FOUND: there was none): its candidates are withdrawn, its pairs are no more. When the selected one is
 * among them another is looked for; the state stays as it is meanwhile, for disconnect_timeout. One that is added while a
 * pair is selected is checked as well, and may take its place. */
PRTC_API int prtc_ice_remove_socket(prtc_ice *ice, prtc_time now, prtc_socket_id socket);

/* TCP, RFC 6544. A listening socket is a passive candidate. An active one is no socket but the address of an interface that
 * connections can be made from: its `socket` is any id that names nothing else, and its candidate has port 9. Both are
 * removed as sockets are. tcp_type: prtc_tcp_type; simultaneous-open is not done: INVALID_ARGUMENT. Other errors as
 * prtc_ice_add_socket.
 *
 * What goes over a connection is given by transmit, and taken by receive, as whole messages, with the connection's id as
 * the socket and protocol TCP: the frames of RFC 4571 around them are the caller's. */
PRTC_API int prtc_ice_add_tcp_socket(prtc_ice *ice, prtc_time now, uint32_t tcp_type, prtc_socket_id socket,
                                     const prtc_address *address, uint32_t interface_index, uint32_t network_type);

/* The next connection that is to be made: 1, or 0 when there is none. From now on `socket` is its name. */
typedef struct prtc_ice_connection {
  prtc_address local; /* port 0 */
  prtc_address remote;
  uint32_t interface_index;
} prtc_ice_connection;
PRTC_API int prtc_ice_connect(prtc_ice *ice, prtc_socket_id socket, prtc_ice_connection *out);

/* It stands (code 0), with this local address; or it could not be made: its pair fails. NOT_FOUND: it is not wanted any
 * more, and to be closed. */
PRTC_API int prtc_ice_connected(prtc_ice *ice, prtc_time now, prtc_socket_id socket, int code, const prtc_address *local);

/* A listening socket has accepted a connection, by the name of `socket`. It must bring an authentic check within 10 s.
 * QUEUE_FULL: too many of which nothing has been heard yet. One that ends by the other side's doing is removed by
 * prtc_ice_remove_socket. */
PRTC_API int prtc_ice_accepted(prtc_ice *ice, prtc_time now, prtc_socket_id listener, prtc_socket_id socket,
                               const prtc_address *local, const prtc_address *remote);

/* The next connection that is to be closed, or not to be made after all: 1, or 0. */
PRTC_API int prtc_ice_disconnect(prtc_ice *ice, prtc_socket_id *socket);

/* use 0: from the next generation on the socket has no candidates and takes no checks; the selected pair is left. 1: it has
 * again. */
PRTC_API int prtc_ice_use_socket(prtc_ice *ice, prtc_socket_id socket, int use);

/* An address on a TURN server, from which and to which the caller carries datagrams under the id of a socket of its own
 * making. */
typedef struct prtc_ice_relay {
  size_t size;
  prtc_socket_id socket;   /* as prtc_ice_add_socket has it; prtc_ice_remove_socket ends it */
  prtc_address relayed;    /* becomes a relayed candidate */
  prtc_address mapped;     /* its related address (RFC 8445 section 5.1.1.2) */
  prtc_address server;
  uint32_t protocol;       /* prtc_relay_protocol to the server: UDP is preferred to TCP, and that to TLS */
  uint32_t network_type;   /* prtc_network_type of the local interface */
  prtc_socket_id base;     /* the UDP socket from which the server saw the mapped address, which then becomes a
                              server-reflexive candidate of that socket, too; 0: none that this object has */
} prtc_ice_relay;

/* Errors: as prtc_ice_add_socket, and INVALID_ARGUMENT for a protocol that is none. */
PRTC_API int prtc_ice_add_relay(prtc_ice *ice, prtc_time now, const prtc_ice_relay *relay);

/* No further socket or server will come: gathering is complete when what is under way has ended. */
PRTC_API int prtc_ice_end_of_sockets(prtc_ice *ice, prtc_time now);

/* A candidate of the other side. Those that cannot be used (names, TCP other than passive, other components, of an older
 * generation by their ufrag) are ignored, with 0. QUEUE_FULL beyond 256 candidates. */
PRTC_API int prtc_ice_add_remote_candidate(prtc_ice *ice, prtc_time now, const prtc_candidate *candidate);
PRTC_API int prtc_ice_end_of_remote_candidates(prtc_ice *ice, prtc_time now);

/* ICE restart, RFC 8445 section 9: new local credentials, a new generation; candidates of the sockets are reported
 * again. */
PRTC_API int prtc_ice_restart(prtc_ice *ice, prtc_time now);

/* The same in two steps, for an offer that is made before it is applied: fresh credentials, not in use yet; and the restart
 * to them. INVALID_ARGUMENT when they are too short, too long, or no ice-chars (prtc_ice_config). */
PRTC_API int prtc_ice_make_parameters(prtc_ice *ice, prtc_ice_parameters *out);
PRTC_API int prtc_ice_restart_with(prtc_ice *ice, prtc_time now, const prtc_ice_parameters *parameters);

/* Takes restarts back that the other side has not answered (a rolled back offer): credentials, candidates and selected pair
 * of both sides are again those of before the first of them. INVALID_STATE when there is nothing to take back. */
PRTC_API int prtc_ice_take_back(prtc_ice *ice, prtc_time now);

/* Sending to `remote` from `socket` failed (ICMP): a check under way there fails at once; an established path is left to
 * consent. */
PRTC_API int prtc_ice_unreachable(prtc_ice *ice, prtc_time now, prtc_socket_id socket, const prtc_address *remote);

PRTC_API int prtc_ice_get_state(const prtc_ice *ice); /* prtc_ice_transport_state */

/* 1 and fills *out, or 0 when no pair is selected. */
PRTC_API int prtc_ice_get_selected_pair(const prtc_ice *ice, prtc_ice_pair *out);

/* Likewise, and while none is selected the best one on which a check has succeeded: data may go over it already (RFC 8445
 * section 12.1). */
PRTC_API int prtc_ice_get_usable_pair(const prtc_ice *ice, prtc_ice_pair *out);

/* ----------------------------------------------------------------------------------------------------------- statistics */

/* W3C RTCStatsIceCandidatePairState */
typedef enum prtc_pair_state {
  PRTC_PAIR_FROZEN = 0,
  PRTC_PAIR_WAITING,
  PRTC_PAIR_IN_PROGRESS,
  PRTC_PAIR_SUCCEEDED,
  PRTC_PAIR_FAILED
} prtc_pair_state;

/* What W3C webrtc-stats section 8.21 (RTCIceCandidatePairStats) asks of a pair. Counters begin with the pair. */
typedef struct prtc_ice_pair_stats {
  size_t size;
  uint32_t id;                 /* names the pair within the object; never reused */
  uint32_t state;              /* prtc_pair_state */
  uint32_t nominated, selected;
  prtc_address local, remote;  /* local: the base; of TCP as it stands in the candidate */
  uint32_t local_type, remote_type; /* prtc_candidate_type */
  uint32_t local_priority, remote_priority;
  uint32_t local_foundation;
  uint32_t network_type;       /* prtc_network_type of the local interface */
  uint64_t priority;
  uint64_t packets_sent, packets_received, bytes_sent, bytes_received; /* as prtc_ice_count_data was told */
  prtc_time last_packet_sent, last_packet_received;                    /* 0: none */
  uint64_t requests_sent, requests_received, responses_sent, responses_received, consent_requests_sent;
  uint64_t total_round_trip_time, round_trip_time; /* µs; the latter is the latest, 0: not measured */
  uint32_t tcp_type;           /* prtc_tcp_type of the local side; NONE: UDP */
} prtc_ice_pair_stats;

/* The i-th pair of the current generation: 1 and fills *out (as far as out->size goes), or 0 beyond the last. */
PRTC_API int prtc_ice_get_pair_stats(const prtc_ice *ice, size_t i, prtc_ice_pair_stats *out);

/* The i-th candidate, gathered or (remote) known: 1, or 0 beyond the last. *network_type, of a local one, may be NULL. */
PRTC_API int prtc_ice_get_local_candidate(const prtc_ice *ice, size_t i, prtc_candidate *out, uint32_t *network_type);
PRTC_API int prtc_ice_get_remote_candidate(const prtc_ice *ice, size_t i, prtc_candidate *out);

/* 1 when this side is controlling (RFC 8445 section 4). */
PRTC_API int prtc_ice_is_controlling(const prtc_ice *ice);

/* Data of the caller's has passed on a path: for the statistics of its pair. */
PRTC_API void prtc_ice_count_data(prtc_ice *ice, prtc_time now, prtc_socket_id socket, const prtc_address *remote, int sent,
                                  uint64_t packets, uint64_t bytes);

/* 1 when a datagram that is not STUN may be taken from `remote` on `socket`: a check of either side has been authenticated
 * on that path, or it was the selected pair before the present one. O(1) for the selected pair, else O(pairs). */
PRTC_API int prtc_ice_knows_path(const prtc_ice *ice, prtc_socket_id socket, const prtc_address *remote);

PRTC_END_DECLS

#endif
