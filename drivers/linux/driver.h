/* The Linux driver, what its files share.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DRIVERS_LINUX_DRIVER_H
#define PRTC_DRIVERS_LINUX_DRIVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

/* What epoll hands back: a socket id as it is (the core counts them from 1), or one of these. */
#define PRTC_WATCH_RESOLVER (UINT64_C(1) << 63) /* | descriptor: a socket of c-ares */
#define PRTC_WATCH_TIMER UINT64_MAX
#define PRTC_WATCH_NETLINK (UINT64_MAX - 1)

#define PRTC_RECEIVE_BATCH 16 /* messages, of up to 64 KiB, taken by one recvmmsg */
#define PRTC_SEND_BATCH 16    /* trains given to one sendmmsg */

struct prtc_pending; /* a datagram that the kernel did not take yet */

/* A UDP socket that the core asked for. */
struct prtc_socket {
  struct prtc_socket *next; /* in its bucket */
  prtc_socket_id id;
  int descriptor;
  int family;
  bool single_segments;     /* the path has refused UDP_SEGMENT: send trains one by one */
  bool waits_for_output;    /* EPOLLOUT is asked for */
  struct prtc_pending *first_pending, **last_pending;
  size_t pending_bytes;
};

struct prtc_resolver; /* c-ares and what it is asked; NULL until the first name */

struct prtc_driver {
  prtc_endpoint *endpoint;
  pid_t process;            /* whose driver this is: a forked child has another */
  int epoll, timer, netlink;
  int receive_buffer, send_buffer;
  prtc_time armed;          /* what the timer is set to; PRTC_NEVER: not set */
  bool timer_fired;         /* and is readable until it is set anew */
  prtc_time retry;          /* when to try sockets again that answered ENOBUFS; PRTC_NEVER: none */
  bool more;                /* the bound of a call was reached: be called again at once */

  struct prtc_socket **buckets; /* sockets by id, chained */
  size_t bucket_count, socket_count;

  struct prtc_resolver *resolver;

  uint8_t *receive_space;   /* PRTC_RECEIVE_BATCH times PRTC_TRAIN_SIZE */
  uint8_t *send_space;      /* PRTC_SEND_BATCH times PRTC_TRAIN_SIZE */
};

/* ------------------------------------------------------------------------------------------------------------- address.c */

/* Returns the length of the sockaddr, 0 for an address of no family. */
socklen_t prtc_address_to_system(const prtc_address *address, struct sockaddr_storage *out);
/* Of any other family: an address of PRTC_FAMILY_NONE. */
void prtc_address_from_system(const struct sockaddr *address, prtc_address *out);

/* ------------------------------------------------------------------------------------------------------------- sockets.c */

struct prtc_socket *prtc_socket_find(const struct prtc_driver *driver, prtc_socket_id id);
/* Opens and binds, and sets *bound. 0 or an errno. */
int prtc_socket_open(struct prtc_driver *driver, const prtc_request *request, prtc_address *bound);
void prtc_socket_close(struct prtc_driver *driver, struct prtc_socket *socket);
void prtc_sockets_free(struct prtc_driver *driver);
/* 0 or an errno. */
int prtc_socket_join(struct prtc_socket *socket, const prtc_address *group, uint32_t interface_index);
/* Asks epoll for EPOLLOUT, or no longer. */
void prtc_socket_watch_output(struct prtc_driver *driver, struct prtc_socket *socket, bool wanted);

/* ------------------------------------------------------------------------------------------------------------- receive.c */

/* Takes what arrived, up to a bound; epoll reports again what is left. */
void prtc_socket_receive(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);
/* Tells the endpoint what ICMP said about datagrams that were sent. */
void prtc_socket_read_errors(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);

/* ---------------------------------------------------------------------------------------------------------------- send.c */

/* Sends what the endpoint has, up to a bound (then driver->more is set). 1 when there was anything, 0, or the code of the
 * endpoint. */
int prtc_driver_transmit(struct prtc_driver *driver, prtc_time now);
/* The socket may take output again: sends what was kept. */
void prtc_socket_send_pending(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);
void prtc_socket_drop_pending(struct prtc_socket *socket);

/* ---------------------------------------------------------------------------------------------------------- interfaces.c */

/* Reads the addresses of all interfaces that are up: 0 and *out (to be freed), or an errno. */
int prtc_interfaces_read(prtc_interface **out, size_t *count);
/* A netlink socket that becomes readable when addresses come or go, or -1. */
int prtc_interfaces_watch(void);
/* Empties it: true when there was anything. */
bool prtc_interfaces_changed(int netlink);

/* ------------------------------------------------------------------------------------------------------------- resolve.c */

/* Answers a PRTC_REQUEST_RESOLVE, now or later. */
void prtc_resolve(struct prtc_driver *driver, prtc_time now, const prtc_request *request);
/* A descriptor of the resolver is ready. */
void prtc_resolver_process(struct prtc_driver *driver, int descriptor, uint32_t events);
/* When prtc_resolver_timeout wants to be called. */
prtc_time prtc_resolver_deadline(const struct prtc_driver *driver, prtc_time now);
void prtc_resolver_timeout(struct prtc_driver *driver);
void prtc_resolver_free(struct prtc_driver *driver);

#endif
