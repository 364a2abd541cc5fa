/* The transport's own state, shared by the files of this folder.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_TRANSPORT_INTERNAL_H
#define PRTC_TRANSPORT_INTERNAL_H

#include <polyrtc/data.h>
#include <polyrtc/dtls.h>
#include <polyrtc/ice.h>
#include <polyrtc/sctp.h>
#include <polyrtc/transport.h>

#include "core/base/context.h"
#include "core/base/queue.h"
#include "core/ice/mux.h"
#include "core/transport/relays.h"
#include "core/transport/routes.h"
#include "core/transport/streams.h"
#include "core/mdns/message.h"
#include "core/transport/transport.h"

/* Local addresses of one transport: a machine with more has the first of them used. */
enum { MAX_ADDRESSES = 32, MAX_SOCKETS = 2 * MAX_ADDRESSES, MAX_SERVERS = PRTC_ICE_SERVERS_MAX };

/* Unfetched events of one transport from which on a new state takes the place of the one before: the other side can cause
 * any number. Candidates are as many as sockets and servers make; a generation of them takes a command. */
enum { MANY_EVENTS = 256 };

/* GONE: the place is free. */
enum socket_state { SOCKET_WANTED, SOCKET_OPENING, SOCKET_OPEN, SOCKET_FAILED, SOCKET_GONE };

struct socket {
  enum socket_state state;
  bool listens;         /* TCP; else UDP */
  prtc_socket_id id;
  prtc_address address; /* where it is to be bound: port 0 */
  prtc_address bound;
  uint32_t interface_index, network_type;
  uint32_t ports_tried; /* of the range, from first_port on */
  uint16_t first_port;
};

/* A STUN or TURN server. It belongs to the list of the configuration and to the allocations that were made on it. */
struct server {
  uint32_t users;
  uint32_t protocol; /* prtc_relay_protocol; NONE: a STUN server */
  char *host, *username, *credential; /* the latter two NULL for STUN */
  uint16_t port;
  bool asked;        /* for the addresses of its name */
  bool told;         /* that it has failed, in this gathering */
  prtc_address addresses[2];
  uint32_t address_count;
};

struct gathering {
  prtc_ice_gathering_state state;
  prtc_ice_gathering_state former; /* before a restart that may be taken back */
  bool has_former;
  bool ice_is_complete; /* with the sockets that it has */
  bool wants_interfaces;
  bool fills_pool; /* what ICE has to tell stays there for now */
  uint32_t left_out; /* addresses that the filters have left out, when they left none */
  int best_rank; /* of an address so far: once there are usual ones, no others are taken */
  uint32_t unanswered; /* requests that the driver has */
  struct socket *sockets; /* at most MAX_SOCKETS */
  uint32_t socket_count;
  struct server *servers[MAX_SERVERS];
  uint32_t server_count;
  struct prtc_queue closes; /* prtc_socket_id */
};

/* Remote candidates whose addresses are names that are not known yet; those beyond are refused. So many are looked for at a
 * time. */
enum { MAX_WAITING = 64, MAX_ASKED = 8 };

struct own_name {
  struct own_name *next;
  prtc_address address; /* port 0 */
  bool is_published;
  char name[PRTC_MDNS_NAME_SIZE];
};

struct waiting_candidate {
  struct waiting_candidate *next;
  prtc_candidate candidate; /* its name is one of prtc_mdns_read_name */
  bool is_asked;
};

struct names {
  struct own_name *own;
  struct waiting_candidate *waiting; /* in their order */
  bool remote_ended; /* the other side has no more candidates: ICE is told once none is waiting */
};

struct prtc_transport {
  struct prtc_context *context;
  struct prtc_transport_config config;
  struct gathering gathering;
  struct stream *streams; /* TCP connections of ICE */
  struct relays relays;
  struct prtc_trust *trust; /* retained */
  struct names names;
  prtc_ice *ice;
  prtc_dtls *dtls;
  prtc_sctp *sctp; /* from when DTLS is connected */
  prtc_data *data;

  /* What the descriptions say. */
  bool has_remote;
  prtc_dtls_role role; /* ours */
  uint16_t remote_sctp_port;

  bool dtls_started; /* in its final role */
  bool dtls_waited;  /* its handshake, for a path */
  bool sctp_ended;
  bool goodbye_waits; /* DTLS is closed by the other side; told once what SCTP has received before is fetched */
  bool failed_for_good;
  bool failure_told; /* since the last time that there was hope */
  bool messages_paused;
  uint32_t max_channels;
  prtc_datagram fallback; /* the path that DTLS came in on: answers go there while no pair is selected. No data; socket 0:
                             none */

  /* An SCTP packet that did not fit the last train. */
  uint8_t *held;
  size_t held_size;
  uint32_t held_fragmentation;

  /* The path whose MTU SCTP looks for. */
  prtc_socket_id path_socket;
  prtc_address path_remote;

  struct prtc_queue events; /* all but those of channels */
  bool event_lost;          /* one of any kind, for lack of memory; not told yet */
  bool channel_event_lost;  /* data has said so: it does for ever */

  /* DTLS records and what is in them, W3C webrtc-stats section 8.20: bytes of SCTP packets and of the handshake */
  uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
  uint64_t pair_changes;

  struct stages {
    bool one_by_one;       /* prtc_transport_begin_stages was called */
    bool dtls, sctp;       /* wanted */
    struct prtc_queue in;  /* struct raw: what was received for the stage that is the last */
    struct prtc_queue out; /* struct raw: what is to be sent */
    uint8_t *given;        /* what the latest event points to */
  } stages;

  bool closed;  /* prtc_transport_close was called */
  bool closing; /* the SCTP ABORT, then close_notify are still to be sent */
  bool drained; /* nothing is left to send: allocations are given back */
  bool ended;   /* that is done: sockets are no longer needed */
};

/* transport.c */

/* Queues an event that is not a channel's. Out of memory, it is lost, and prtc_transport_event says so. */
void prtc_transport_push(struct prtc_transport *transport, const struct prtc_transport_event *event);
void prtc_transport_push_state(struct prtc_transport *transport, uint32_t type, uint32_t state);
void prtc_transport_push_failure(struct prtc_transport *transport, int code, const char *text);

/* Takes what ICE and DTLS have to tell, and acts on it. After everything that drives them. */
void prtc_transport_pump(struct prtc_transport *transport, prtc_time now);

/* One datagram, whatever carried it, with the socket that ICE knows. */
int prtc_transport_take(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram);

/* gathering.c */
void prtc_gathering_init(struct prtc_transport *transport);
void prtc_gathering_clear(struct prtc_transport *transport);
void prtc_gathering_complete(struct prtc_transport *transport); /* ICE is */
/* ICE is told when there will be no more sockets. */
void prtc_gathering_check(struct prtc_transport *transport, prtc_time now);
void prtc_gathering_close(struct prtc_transport *transport); /* all sockets are to be closed */

/* servers.c */
void prtc_servers_clear(struct prtc_transport *transport);
void prtc_server_release(struct prtc_transport *transport, struct server *server);
bool prtc_servers_want_names(const struct prtc_transport *transport);
const char *prtc_servers_next_name(struct prtc_transport *transport); /* the next to be resolved, or NULL */
void prtc_servers_name_resolved(struct prtc_transport *transport, prtc_time now, const char *name, const prtc_reply *reply);
void prtc_servers_new_gathering(struct prtc_transport *transport);
/* Tells of it, once in a gathering. code: a STUN error code, or 701. */
void prtc_server_failed(struct prtc_transport *transport, struct server *server, int code, const char *why);
void prtc_servers_stun_failed(struct prtc_transport *transport, const prtc_address *address, int code);

/* names.c */
void prtc_names_clear(struct prtc_transport *transport);
/* What the other side is told of a local candidate; false without memory for its name: then nothing is. */
bool prtc_names_hide(struct prtc_transport *transport, prtc_candidate *candidate);
/* A remote candidate with a name. SYNTAX, QUEUE_FULL, NO_MEMORY. */
int prtc_names_add(struct prtc_transport *transport, prtc_time now, const prtc_candidate *candidate);
/* True: it is remembered, and told to ICE once no name is waiting. */
bool prtc_names_end(struct prtc_transport *transport);
/* The other side has these credentials from now on. */
void prtc_names_new_generation(struct prtc_transport *transport, const char *ufrag);
bool prtc_names_request(struct prtc_transport *transport, prtc_request *out);
void prtc_names_found(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                      const prtc_reply *reply);

/* addresses.c */
/* The socket of that address (of port 0) and kind, or NULL. */
struct socket *prtc_addresses_find(struct gathering *gathering, const prtc_address *address, bool listens);
/* An active TCP candidate is no socket: it is named by the place of the address that it stands for. */
prtc_socket_id prtc_addresses_active(const struct gathering *gathering, const struct socket *socket);
/* The interfaces were read: sockets are wanted for new addresses, and those of addresses that are no more are closed. */
void prtc_addresses_choose(struct prtc_transport *transport, prtc_time now, const prtc_interface *interfaces, size_t count);
/* A socket is gone. */
void prtc_addresses_withdraw(struct prtc_transport *transport, prtc_time now, const struct socket *socket);
/* The port that is to be asked for next; 0: any. */
uint16_t prtc_addresses_port(struct prtc_transport *transport, struct socket *socket);
/* It could not be bound: true when another is to be tried. */
bool prtc_addresses_next_port(const struct prtc_transport *transport, struct socket *socket);
/* Tells ICE of the configuration's mappings. */
int prtc_addresses_map(struct prtc_transport *transport);

/* stages.c */

/* A datagram or record of the application's own. */
struct raw {
  uint32_t stage; /* prtc_stage */
  size_t size;
  uint8_t *data;
};

void prtc_stages_init(struct prtc_transport *transport);
void prtc_stages_clear(struct prtc_transport *transport);
/* True: everything that ICE does not take is the application's. */
bool prtc_stages_ends_at_ice(const struct prtc_transport *transport);
bool prtc_stages_ends_at_dtls(const struct prtc_transport *transport);
/* Received: it waits for the application to fetch it, or is dropped when there is no room. */
void prtc_stages_take(struct prtc_transport *transport, uint32_t stage, const uint8_t *data, size_t size);
/* The next to be sent of that stage: its size, or 0. */
size_t prtc_stages_next(struct prtc_transport *transport, uint32_t stage, uint8_t *out, size_t capacity);
int prtc_stages_event(struct prtc_transport *transport, struct prtc_transport_event *out);
/* DTLS is connected, or SCTP is wanted now. */
void prtc_stack_start_sctp(struct prtc_transport *transport, prtc_time now);

/* stack.c */
bool prtc_stack_init(struct prtc_transport *transport); /* false without memory */
prtc_dtls *prtc_stack_new_dtls(struct prtc_transport *transport); /* likewise NULL */
void prtc_stack_clear(struct prtc_transport *transport);
void prtc_stack_start_dtls(struct prtc_transport *transport, prtc_time now);
void prtc_stack_dtls_events(struct prtc_transport *transport, prtc_time now);
int prtc_stack_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram);
/* Passes on what an SCTP function returned. Without memory the association has ended (usrsctp is not entered again): it is
 * told. */
bool prtc_stack_sctp_runs(const struct prtc_transport *transport);
int prtc_stack_sctp_result(struct prtc_transport *transport, prtc_time now, int code);
/* The next SCTP packet: its size, or 0. */
size_t prtc_stack_packet(struct prtc_transport *transport, prtc_time now, const uint8_t **packet, size_t capacity);
/* The next event of a channel. May queue others before it: 0 then. */
int prtc_stack_channel_event(struct prtc_transport *transport, struct prtc_transport_event *out);
void prtc_stack_close(struct prtc_transport *transport, prtc_time now);

#endif
