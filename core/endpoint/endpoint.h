/* The endpoint's own state, shared by the files of this folder.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_ENDPOINT_ENDPOINT_H
#define PRTC_ENDPOINT_ENDPOINT_H

#include <stdbool.h>

#include <polyrtc/dtls.h>
#include <polyrtc/endpoint.h>
#include <polyrtc/peer.h>

#include "core/base/arena.h"
#include "core/base/context.h"
#include "core/base/heap.h"
#include "core/base/map.h"
#include "core/base/queue.h"
#include "core/ice/mux.h"
#include "core/mdns/mdns.h"
#include "core/peer/internal.h"

/* The three things that a peer may have for its endpoint. Peers that may have one stand in a list, so that a call costs
 * what the busy peers cost, however many idle ones there are. */
enum work { WORK_TRANSMIT, WORK_EVENT, WORK_REQUEST, WORK_KINDS };

/* Certificates of peers' configurations that are kept, so that many peers with one certificate read it once. */
enum { READ_CERTIFICATES = 4 };

struct link {
  struct link *previous, *next; /* NULL: in no list */
  struct prtc_peer_place *place;
};

/* Connections that a shared listener has accepted and that have not said to whom they want to talk. */
enum { STRANGERS_MOST = 256, STRANGERS_FRAME = 1500 };

struct socket;
struct stranger;
struct user;

/* What the endpoint keeps at each of its peers. */
struct prtc_peer_place {
  prtc_peer *peer;
  prtc_peer_id id;
  struct prtc_heap_node timer;
  struct link work[WORK_KINDS];
  struct link stale;      /* in the list of those whose deadline may have moved */
  struct socket *sockets; /* its own, that are open or being opened */
  struct user *users;     /* its parts in shared ones */
  struct prtc_mdns_owner names; /* that the endpoint answers for */
};

/* A socket that was asked for. */
struct socket {
  prtc_socket_id id;
  struct prtc_peer_place *place; /* whose it is; NULL: it is shared */
  struct socket *next;           /* of the place, or of the shared ones */
  prtc_address address;          /* as bound */
  bool is_stream;                /* a TCP connection */
  uint64_t request;              /* what opens it and is not answered yet; 0: it is open */
  uint32_t type;                 /* shared: PRTC_REQUEST_OPEN_UDP or _LISTEN_TCP; */
  prtc_address wanted;           /* what peers ask for, port 0 */
  struct user *users;
  bool open;
  struct stranger *stranger;     /* a connection that a shared listener has accepted, and no peer has yet */
};

/* A peer's part in a shared socket. */
struct user {
  struct socket *socket;
  struct prtc_peer_place *place;
  struct user *next, **link;   /* of the socket's */
  struct user *next_of_place;
  bool waits;                  /* for the socket to be open */
};

/* A request that the driver has and has not answered. */
struct pending {
  prtc_request request;
  struct prtc_peer_place *place; /* NULL: a shared socket's */
  char name[256];
};

/* Multicast DNS, for all peers: made with the first name that one of them publishes or looks for (names.c). */
struct names {
  struct prtc_mdns *mdns;
  bool wants_interfaces, wants_loopback;
  struct name_link {
    enum { LINK_NONE, LINK_WANTED, LINK_OPENING, LINK_OPEN, LINK_FAILED } state;
    prtc_socket_id socket;
    uint32_t interface_index;
    uint8_t family;
    bool is_seen; /* in the latest list of interfaces */
  } links[PRTC_MDNS_LINKS];
};

struct prtc_endpoint {
  struct prtc_context context;
  prtc_time now;          /* the latest time seen */
  prtc_time created;
  int64_t wall_clock;     /* at `created`; 0: unknown */
  int fatal;              /* 0, or the code that ended the endpoint */
  bool fatal_reported;
  prtc_certificate *certificate; /* of peers that bring none */
  const char *refusal;      /* why the last peer was refused; "" when it was not */
  struct prtc_trust *trust; /* the system's anchors, read when a peer first needs them */
  prtc_certificate *read_certificates[READ_CERTIFICATES]; /* those that peers brought last */
  unsigned next_read_certificate;
  struct prtc_map peers;    /* prtc_peer_id → place */
  struct prtc_map sockets;  /* prtc_socket_id → socket */
  struct prtc_map pendings; /* request id → pending */
  struct prtc_queue closes; /* prtc_socket_id of sockets whose peer is gone */
  uint32_t udp_port;        /* as configured: 0, a port, or PRTC_PORT_ANY */
  struct socket *shared;    /* one for each local address (and one that listens) */
  struct link strangers;    /* a ring, the oldest first */
  uint32_t stranger_count;
  struct prtc_mux mux;      /* whose datagrams are that arrive there */
  uint64_t next_peer, next_socket, next_request;
  struct prtc_peer_place own; /* without a peer: what sockets and requests of the endpoint itself belong to */
  struct names names;
  struct prtc_heap timers;
  struct link work[WORK_KINDS], stale; /* heads of rings */
  struct prtc_arena arena;  /* what the last batch of events points to */
  char request_name[256];   /* what the last request points to */
  prtc_endpoint_stats stats;
};

/* Moves the endpoint's time forward (never back) and returns it. */
prtc_time prtc_endpoint_advance(prtc_endpoint *endpoint, prtc_time now);

/* What a call gave, for the recording (record.c). */
void prtc_endpoint_record_datagram(prtc_endpoint *endpoint, int result, const prtc_datagram *datagram);
void prtc_endpoint_record_events(prtc_endpoint *endpoint, int result, const prtc_event *events);
void prtc_endpoint_record_request(prtc_endpoint *endpoint, int result, const prtc_request *request);
void prtc_endpoint_record_new_peer(prtc_endpoint *endpoint, prtc_peer_id id);
/* What a call is given, where that is more than a line. */
void prtc_endpoint_record_input(prtc_endpoint *endpoint, prtc_time now, const prtc_datagram *datagram);
void prtc_endpoint_record_peer(prtc_endpoint *endpoint, prtc_time now, const prtc_peer_config *config);

/* The peer may have anything for us: it is put into every list. */
void prtc_endpoint_wake(prtc_endpoint *endpoint, struct prtc_peer_place *place);

/* Puts the timers of peers that were commanded or driven since in order: at the end of every verb, so that asking for the
 * deadline looks at those that were commanded since, and at no others. */
void prtc_endpoint_refresh(prtc_endpoint *endpoint);

/* Lists of peers. */
void prtc_link_insert(struct link *head, struct link *link); /* at the end; nothing when it is in a list already */
void prtc_link_remove(struct link *link);

/* names.c. The first two carry out what a peer asks of the endpoint itself. */
void prtc_naming_publish(prtc_endpoint *endpoint, struct prtc_peer_place *place, const prtc_request *request);
void prtc_naming_find(prtc_endpoint *endpoint, const prtc_request *request);
bool prtc_naming_want(prtc_endpoint *endpoint, prtc_request *out); /* what it asks of the driver */
void prtc_naming_replied(prtc_endpoint *endpoint, prtc_time now, const prtc_request *request, const prtc_reply *reply);
void prtc_naming_lost_socket(prtc_endpoint *endpoint, prtc_socket_id socket);
void prtc_naming_interfaces_changed(prtc_endpoint *endpoint);
int prtc_naming_receive(prtc_endpoint *endpoint, prtc_time now, const prtc_datagram *datagram);
void prtc_naming_end(prtc_endpoint *endpoint); /* there is no peer any more */
void prtc_naming_timeout(prtc_endpoint *endpoint, prtc_time now);

/* A reply to a request, be it the driver's or the endpoint's own. */
int prtc_endpoint_answer(prtc_endpoint *endpoint, prtc_time now, const prtc_reply *reply);

/* Forgets a socket of a peer; false when there is none of that id. */
bool prtc_endpoint_forget_socket(prtc_endpoint *endpoint, prtc_socket_id id);

/* shared.c. A peer asks for its part in a socket: 1 when the driver is to be asked (*request is complete but for its id), 0
 * when it is settled, or NO_MEMORY. */
int prtc_shared_ask(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_request *request);
/* The driver could not be asked: as if the peer, which was the first, had not asked. */
void prtc_shared_cancel(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_socket_id id);
/* What came of that. NOT_FOUND: nobody is interested any more. */
int prtc_shared_opened(prtc_endpoint *endpoint, struct socket *socket, const prtc_reply *reply);
/* A peer needs its part no longer: false when it has none in that socket. */
bool prtc_shared_leave(prtc_endpoint *endpoint, struct prtc_peer_place *place, prtc_socket_id id);
void prtc_shared_drop(prtc_endpoint *endpoint, struct prtc_peer_place *place, bool waiting_only);
void prtc_shared_closed(prtc_endpoint *endpoint, struct socket *socket); /* it has failed */
void prtc_shared_clear(prtc_endpoint *endpoint); /* all peers are gone */

/* strangers.c. A shared listener has accepted a connection: as prtc_endpoint_accepted. */
int prtc_stranger_accepted(prtc_endpoint *endpoint, struct socket *listener, const prtc_address *local,
                           const prtc_address *remote, prtc_socket_id *connection);
/* What it has to say goes to the peer that it names. One that names none is closed: UNEXPECTED. */
int prtc_stranger_receive(prtc_endpoint *endpoint, prtc_time now, struct socket *socket, const prtc_datagram *datagram);
void prtc_stranger_forget(prtc_endpoint *endpoint, struct socket *socket); /* it is closed */
void prtc_strangers_close(prtc_endpoint *endpoint, const struct socket *listener); /* all of a listener, or (NULL) of all */

/* requests.c: makes an open connection the peer's own. */
void prtc_endpoint_own(struct prtc_peer_place *place, struct socket *socket);

/* A peer goes: its requests are forgotten, its sockets are to be closed. */
void prtc_endpoint_drop_requests(prtc_endpoint *endpoint, struct prtc_peer_place *place);
void prtc_endpoint_drop_sockets(prtc_endpoint *endpoint, struct prtc_peer_place *place);
void prtc_endpoint_requests_clear(prtc_endpoint *endpoint);

#endif
