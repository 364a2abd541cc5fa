/* The drivers, what their files share: all of a driver but how one system waits, sends, receives and lists its interfaces.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DRIVERS_COMMON_DRIVER_H
#define PRTC_DRIVERS_COMMON_DRIVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#define PRTC_RECEIVE_BATCH 16 /* messages, of up to 64 KiB, that receive_space has room for */
#define PRTC_SEND_BATCH 16    /* trains that are given to the system in one call, */
#define PRTC_SEND_SPACE (4 * PRTC_TRAIN_SIZE) /* and their bytes: few enough to stay in the CPU's cache */

struct prtc_pending; /* a datagram that the kernel did not take yet */

enum prtc_socket_kind { PRTC_SOCKET_UDP, PRTC_SOCKET_LISTENER, PRTC_SOCKET_CONNECTING, PRTC_SOCKET_STREAM };

/* A socket that the core asked for, or that a listener has accepted. */
struct prtc_socket {
  struct prtc_socket *next; /* in its bucket */
  prtc_socket_id id;
  enum prtc_socket_kind kind;
  int descriptor;
  int family;               /* of UDP */
  bool single_segments;     /* of UDP: the system or the path takes no trains: send them one by one */
  bool waits_for_output;    /* PRTC_READY_OUTPUT is asked for, beside input */
  size_t expected;          /* of UDP: messages that the next batch is made for (see prtc_linux_receive) */
  uint32_t fragmentation;   /* of UDP: prtc_fragmentation, as the descriptor has been told */
  bool paused;              /* a listener that is not watched: see prtc_driver.accept_again */
  uint64_t request;         /* CONNECTING: what is to be answered */
  prtc_address remote;      /* of a connection */
  struct prtc_pending *first_pending, **last_pending;
  size_t pending_bytes;
};

struct prtc_resolver; /* c-ares and what it is asked; NULL until the first name */
struct prtc_waiter;   /* what the system waits with: see prtc_system */

struct prtc_driver {
  const struct prtc_system *system;
  struct prtc_waiter *waiter;
  prtc_endpoint *endpoint;
  pid_t process;            /* whose driver this is: a forked child has another */
  volatile uint8_t *mark;   /* a page that the system wipes for a forked child, which is sooner seen; NULL: it cannot */
  int receive_buffer, send_buffer;
  prtc_time deadline;       /* when to be called at the latest */
  prtc_time retry;          /* when to try sockets again that answered ENOBUFS; PRTC_NEVER: none */
  prtc_time accept_again;   /* when to watch listeners again for which there was no descriptor; PRTC_NEVER: none */
  bool more;                /* the bound of a call was reached: be called again at once */

  struct prtc_socket **buckets; /* sockets by id, chained */
  size_t bucket_count, socket_count;

  prtc_interface *interfaces; /* as they were read in this call; NULL: not yet */
  size_t interface_count;

  struct prtc_resolver *resolver;

  uint8_t *receive_space;   /* PRTC_RECEIVE_BATCH times PRTC_TRAIN_SIZE */
  uint8_t *send_space;      /* PRTC_SEND_SPACE */
};

/* ------------------------------------------------------------------------------------------------------------- a system */

/* What a descriptor is watched for, and what is reported of it */
#define PRTC_READY_INPUT 1u
#define PRTC_READY_OUTPUT 2u
#define PRTC_READY_ERROR 4u /* not asked for */

/* What is ready is named by a socket id as it is (the core counts them from 1), or by this | a descriptor of c-ares. */
#define PRTC_WATCH_RESOLVER (UINT64_C(1) << 63)

struct prtc_ready {
  uint64_t what;
  uint32_t events;
};

/* What differs from system to system. Errors are those of errno. */
struct prtc_system {
  /* Waiting. `open` returns NULL with errno; `close` is also called in a forked child, and then touches no shared state. */
  struct prtc_waiter *(*open)(void);
  void (*close)(struct prtc_waiter *waiter);
  /* Watches, watches for something else, or with no events no longer. */
  int (*watch)(struct prtc_waiter *waiter, int descriptor, uint64_t what, uint32_t events);
  /* Be ready at this time at the latest. */
  void (*arm)(struct prtc_waiter *waiter, prtc_time deadline);
  /* What is ready now; never blocks. Those that are left out are reported first the next time. */
  size_t (*ready)(struct prtc_waiter *waiter, struct prtc_ready *out, size_t capacity);
  /* One descriptor for all, or -1: `watches` says which, and what `arm` was given is for the application to keep. */
  int (*descriptor)(const struct prtc_waiter *waiter);
  size_t (*watches)(const struct prtc_waiter *waiter, prtc_watch *out, size_t capacity);
  /* As poll(2) does: blocks until something is ready (1), the time is over (0) or an error (-1 with errno). */
  int (*wait)(struct prtc_waiter *waiter, int milliseconds);

  /* Sockets, non-blocking and closed by exec: a new one, and a connection that was accepted. -1 with errno. */
  int (*make_socket)(int family, int type);
  int (*accept)(int listener, struct sockaddr *from, socklen_t *length);
  /* What a UDP socket is to have here beyond what all have, as far as it can be had. */
  void (*set_options)(int descriptor, int family);
  bool takes_trains; /* `send` does */
  /* Returns how many datagrams were taken, or -1 with errno about the first. */
  int (*send)(const struct prtc_socket *socket, const prtc_datagram *datagrams, size_t count);
  /* Takes what arrived, up to a bound; what is left is reported as ready again. */
  void (*receive)(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);
  /* Takes the errors of earlier datagrams off the socket, and tells the endpoint of them where it can. */
  void (*read_errors)(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);

  /* The addresses of all interfaces that are up: 0 and *out (to be freed), or an errno. */
  int (*interfaces)(prtc_interface **out, size_t *count);
  /* Whether they have changed since the last call, as far as that is noticed. */
  bool (*interfaces_changed)(struct prtc_waiter *waiter);
};

/* More addresses than this has not a host but a router with something wrong. */
#define PRTC_INTERFACES_LIMIT 4096

/* prtc_driver_new with a given system. */
prtc_driver *prtc_driver_make(const prtc_driver_config *config, const struct prtc_system *system);

/* ------------------------------------------------------------------------------------------------------------ address.c */

/* Returns the length of the sockaddr, 0 for an address of no family. */
socklen_t prtc_address_to_system(const prtc_address *address, struct sockaddr_storage *out);
/* Of any other family: an address of PRTC_FAMILY_NONE. */
void prtc_address_from_system(const struct sockaddr *address, prtc_address *out);

/* ------------------------------------------------------------------------------------------------------------ sockets.c */

struct prtc_socket *prtc_socket_find(const struct prtc_driver *driver, prtc_socket_id id);
/* Opens and binds a UDP socket, joins where that is asked for, and sets *bound. 0 or an errno. */
int prtc_socket_open(struct prtc_driver *driver, const prtc_request *request, prtc_address *bound);
/* The steps of it, for other kinds: 0 or an errno. What was not added is the caller's to close. */
int prtc_socket_make(const struct prtc_driver *driver, int family, int type, int *out);
int prtc_socket_bind(int descriptor, const prtc_request *request, prtc_address *bound);
int prtc_socket_add(struct prtc_driver *driver, prtc_socket_id id, int descriptor, enum prtc_socket_kind kind,
                    uint32_t events, struct prtc_socket **out);
/* What is sent from now on may be fragmented, or not (prtc_fragmentation), as far as the system can be told. */
void prtc_socket_set_fragmentation(struct prtc_socket *socket, uint32_t fragmentation);
/* The error that waits on it (it is taken off), or 0. */
int prtc_socket_error(const struct prtc_socket *socket);
void prtc_socket_close(struct prtc_driver *driver, struct prtc_socket *socket);
void prtc_sockets_free(struct prtc_driver *driver);
/* Watches for output, too, or no longer. */
void prtc_socket_watch_output(struct prtc_driver *driver, struct prtc_socket *socket, bool wanted);

/* ---------------------------------------------------------------------------------------------------------- multicast.c */

/* Before it is bound: shares group and port with other programs, joins, and will send by the interface. 0 or an errno. */
int prtc_multicast_join(int descriptor, const prtc_request *request);

/* --------------------------------------------------------------------------------------------------------------- send.c */

/* Sends what the endpoint has, up to a bound (then driver->more is set). 1 when there was anything, 0, or the code of the
 * endpoint. */
int prtc_driver_transmit(struct prtc_driver *driver, prtc_time now);
/* The socket may take output again: sends what was kept. */
void prtc_socket_send_pending(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);
void prtc_socket_drop_pending(struct prtc_socket *socket);
/* Keeps a copy of what the kernel does not take now: false at the bound and without memory. */
bool prtc_socket_keep(struct prtc_socket *socket, const prtc_datagram *datagram);
/* The first that is kept, or NULL; it may be shortened from its front. And away with it. */
prtc_datagram *prtc_socket_first_kept(const struct prtc_socket *socket);
void prtc_socket_drop_first(struct prtc_socket *socket);

/* ------------------------------------------------------------------------------------------------------------ streams.c */

/* Begins to connect; the answer follows. 0, or the errno to answer with at once. */
int prtc_stream_connect(struct prtc_driver *driver, const prtc_request *request);
/* Listens, and sets *bound. 0 or an errno. */
int prtc_stream_listen(struct prtc_driver *driver, const prtc_request *request, prtc_address *bound);
/* Of any kind but UDP; may have closed it. */
void prtc_stream_ready(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now, uint32_t events);
/* May have closed it. */
void prtc_stream_send(struct prtc_driver *driver, struct prtc_socket *stream, prtc_time now, const prtc_datagram *datagram);
/* When driver->accept_again has come. */
void prtc_streams_accept_again(struct prtc_driver *driver);
/* Before it is closed by us. */
void prtc_stream_goodbye(struct prtc_driver *driver, const struct prtc_socket *stream);

/* -------------------------------------------------------------------------------------------------------------- trust.c */

/* The system's trust anchors, PEM: 0 and *out, which is the caller's to free; or an errno. */
int prtc_trust_read(uint8_t **out, size_t *size);

/* ------------------------------------------------------------------------------------------------------------ resolve.c */

/* Answers a PRTC_REQUEST_RESOLVE, now or later. */
void prtc_resolve(struct prtc_driver *driver, prtc_time now, const prtc_request *request);
/* A descriptor of the resolver is ready. */
void prtc_resolver_process(struct prtc_driver *driver, int descriptor, uint32_t events);
/* When prtc_resolver_timeout wants to be called. */
prtc_time prtc_resolver_deadline(const struct prtc_driver *driver, prtc_time now);
void prtc_resolver_timeout(struct prtc_driver *driver);
void prtc_resolver_free(struct prtc_driver *driver);

#endif
