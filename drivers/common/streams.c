/* TCP: connections made and accepted, and the bytes on them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A connection is watched for input, and for output only while something waits to be written. Of what the core gives for it
 * the rest that the kernel does not take is kept; the core is told, and gives no more until it is gone (see "streams" in
 * polyrtc/endpoint.h).
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/common/driver.h"

/* What one call takes from one connection or listener; the rest stays ready. */
#define READS_PER_CALL 4
#define ACCEPTS_PER_CALL 16
/* Connections that the kernel keeps until they are accepted */
#define BACKLOG 64
/* µs for which a listener is left alone when there is no descriptor for a connection: it would stay ready, and the loop
 * spin */
#define ACCEPT_PAUSE 1000000
/* Bytes that the kernel takes before it has sent those before them: the core is better at keeping them, for they are not
 * made yet */
#define UNSENT_LIMIT (128 * 1024)
/* What a closing connection has received and nobody reads: with it unread the kernel would reset the connection, and take
 * back what was sent last. */
#define DRAIN_READS 16

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* then there is SO_NOSIGPIPE */
#endif

static bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/* --------------------------------------------------------------------------------------------------------------- making */

static void set_options(int descriptor) {
  const int on = 1;
  (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef TCP_NOTSENT_LOWAT
  const int unsent = UNSENT_LIMIT;
  (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
#endif
#ifdef SO_NOSIGPIPE
  (void)setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

int prtc_stream_connect(struct prtc_driver *driver, const prtc_request *request) {
  struct sockaddr_storage remote;
  struct prtc_socket *socket;
  prtc_address to = request->remote, bound;
  socklen_t length = prtc_address_to_system(&to, &remote);
  if (length == 0) return EAFNOSUPPORT;
  int descriptor = -1;
  int error = prtc_socket_make(driver, remote.ss_family, SOCK_STREAM, &descriptor);
  if (error == 0 && request->address.family != PRTC_FAMILY_NONE) error = prtc_socket_bind(descriptor, request, &bound);
  if (error == 0) set_options(descriptor);
  if (error == 0 && connect(descriptor, (const struct sockaddr *)&remote, length) != 0 && errno != EINPROGRESS) {
    error = errno;
  }
  /* Also when it is established already: then it is writable, and handled in its turn. */
  if (error == 0) {
    error = prtc_socket_add(driver, request->socket, descriptor, PRTC_SOCKET_CONNECTING, PRTC_READY_OUTPUT, &socket);
  }
  if (error != 0) {
    if (descriptor >= 0) close(descriptor);
    return error;
  }
  socket->request = request->id;
  socket->remote = to;
  return 0;
}

/* The attempt has ended. */
static void finish_connect(struct prtc_driver *driver, struct prtc_socket *stream, prtc_time now) {
  prtc_reply reply;
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  int error = prtc_socket_error(stream);
  PRTC_INIT(&reply);
  reply.id = stream->request;
  if (error == 0 && getsockname(stream->descriptor, (struct sockaddr *)&local, &length) != 0) error = errno;
  if (error == 0) {
    prtc_address_from_system((const struct sockaddr *)&local, &reply.address);
    stream->kind = PRTC_SOCKET_STREAM;
    error = driver->system->watch(driver->waiter, stream->descriptor, stream->id, PRTC_READY_INPUT);
  }
  reply.code = error == 0 ? 0 : error == ETIMEDOUT ? PRTC_ERROR_TIMEOUT : PRTC_ERROR_INVALID_STATE;
  reply.system_error = error;
  int code = prtc_endpoint_reply(driver->endpoint, now, &reply);
  if (error != 0 || code == PRTC_ERROR_NOT_FOUND) prtc_socket_close(driver, stream);
}

int prtc_stream_listen(struct prtc_driver *driver, const prtc_request *request, prtc_address *bound) {
  const int on = 1;
  struct prtc_socket *socket;
  int descriptor = -1;
  int error =
      prtc_socket_make(driver, request->address.family == PRTC_FAMILY_IPV4 ? AF_INET : AF_INET6, SOCK_STREAM, &descriptor);
  /* A port of the application's choice can be taken again while connections of before still say goodbye. */
  if (error == 0) (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (error == 0) error = prtc_socket_bind(descriptor, request, bound);
  if (error == 0 && listen(descriptor, BACKLOG) != 0) error = errno;
  if (error == 0) {
    error = prtc_socket_add(driver, request->socket, descriptor, PRTC_SOCKET_LISTENER, PRTC_READY_INPUT, &socket);
  }
  if (error != 0 && descriptor >= 0) close(descriptor);
  return error;
}

/* ------------------------------------------------------------------------------------------------------------ accepting */

static void add_accepted(struct prtc_driver *driver, const struct prtc_socket *listener, int descriptor,
                         const struct sockaddr_storage *from, prtc_time now) {
  struct sockaddr_storage to;
  struct prtc_socket *stream;
  socklen_t length = sizeof to;
  prtc_address local, remote;
  prtc_socket_id id;
  int error = getsockname(descriptor, (struct sockaddr *)&to, &length) == 0 ? 0 : errno;
  if (error == 0) {
    prtc_address_from_system((const struct sockaddr *)&to, &local);
    prtc_address_from_system((const struct sockaddr *)from, &remote);
    if (prtc_endpoint_accepted(driver->endpoint, now, listener->id, &local, &remote, &id) == 0) {
      set_options(descriptor);
      error = prtc_socket_add(driver, id, descriptor, PRTC_SOCKET_STREAM, PRTC_READY_INPUT, &stream);
      if (error == 0) {
        stream->remote = remote;
        return;
      }
      (void)prtc_endpoint_socket_closed(driver->endpoint, now, id, error);
    }
  }
  close(descriptor);
}

static void accept_some(struct prtc_driver *driver, struct prtc_socket *listener, prtc_time now) {
  for (int i = 0; i < ACCEPTS_PER_CALL; i++) {
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    int descriptor = driver->system->accept(listener->descriptor, (struct sockaddr *)&from, &length);
    if (descriptor >= 0) {
      add_accepted(driver, listener, descriptor, &from, now);
    } else if (would_block(errno)) {
      return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      (void)driver->system->watch(driver->waiter, listener->descriptor, listener->id, 0);
      listener->paused = true;
      if (driver->accept_again == PRTC_NEVER) driver->accept_again = now + ACCEPT_PAUSE;
      return;
    } /* else an error of the connection itself, which is gone */
  }
}

void prtc_streams_accept_again(struct prtc_driver *driver) {
  driver->accept_again = PRTC_NEVER;
  for (size_t i = 0; i < driver->bucket_count; i++) {
    for (struct prtc_socket *socket = driver->buckets[i]; socket != NULL; socket = socket->next) {
      if (!socket->paused) continue;
      socket->paused = false;
      (void)driver->system->watch(driver->waiter, socket->descriptor, socket->id, PRTC_READY_INPUT);
    }
  }
}

/* -------------------------------------------------------------------------------------------------------------- reading */

/* It has ended: by the other side (0), or by an error. */
static void end_stream(struct prtc_driver *driver, struct prtc_socket *stream, prtc_time now, int error) {
  (void)prtc_endpoint_socket_closed(driver->endpoint, now, stream->id, error);
  prtc_socket_close(driver, stream);
}

static void read_some(struct prtc_driver *driver, struct prtc_socket *stream, prtc_time now) {
  for (int i = 0; i < READS_PER_CALL; i++) {
    ssize_t size = recv(stream->descriptor, driver->receive_space, PRTC_TRAIN_SIZE, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && would_block(errno)) return;
    if (size <= 0) {
      end_stream(driver, stream, now, size < 0 ? errno : 0);
      return;
    }
    const prtc_datagram chunk = {.socket = stream->id,
                                 .protocol = PRTC_PROTOCOL_TCP,
                                 .remote = stream->remote,
                                 .data = driver->receive_space,
                                 .size = (size_t)size,
                                 .time = now};
    /* What it drops it counts, and what is fatal it says again at the next call. */
    (void)prtc_endpoint_receive(driver->endpoint, now, &chunk, 1);
    if (size < PRTC_TRAIN_SIZE) return;
  }
}

/* -------------------------------------------------------------------------------------------------------------- writing */

/* Returns how many bytes were taken, or -1 when the connection has failed: errno. */
static ssize_t write_some(const struct prtc_socket *stream, const uint8_t *data, size_t size) {
  size_t done = 0;
  while (done < size) {
    ssize_t sent = send(stream->descriptor, data + done, size - done, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && would_block(errno)) break;
    if (sent < 0) return -1;
    done += (size_t)sent;
  }
  return (ssize_t)done;
}

void prtc_stream_send(struct prtc_driver *driver, struct prtc_socket *stream, prtc_time now,
                      const prtc_datagram *datagram) {
  ssize_t sent = stream->first_pending == NULL ? write_some(stream, datagram->data, datagram->size) : 0;
  if (sent < 0) {
    end_stream(driver, stream, now, errno);
    return;
  }
  if ((size_t)sent == datagram->size) return;
  prtc_datagram rest = *datagram;
  rest.data += sent;
  rest.size -= (size_t)sent;
  if (!prtc_socket_keep(stream, &rest)) { /* a stream with a hole in it is of no use */
    end_stream(driver, stream, now, ENOMEM);
    return;
  }
  prtc_socket_watch_output(driver, stream, true);
  (void)prtc_endpoint_writable(driver->endpoint, now, stream->id, 0);
}

static void write_pending(struct prtc_driver *driver, struct prtc_socket *stream, prtc_time now) {
  prtc_datagram *first;
  while ((first = prtc_socket_first_kept(stream)) != NULL) {
    ssize_t sent = write_some(stream, first->data, first->size);
    if (sent < 0) {
      end_stream(driver, stream, now, errno);
      return;
    }
    first->data += sent;
    first->size -= (size_t)sent;
    if (first->size > 0) return;
    prtc_socket_drop_first(stream);
  }
  prtc_socket_watch_output(driver, stream, false);
  (void)prtc_endpoint_writable(driver->endpoint, now, stream->id, 1);
}

/* --------------------------------------------------------------------------------------------------------------- ready */

void prtc_stream_ready(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now, uint32_t events) {
  prtc_socket_id id = socket->id;
  if (socket->kind == PRTC_SOCKET_LISTENER) {
    accept_some(driver, socket, now);
  } else if (socket->kind == PRTC_SOCKET_CONNECTING) {
    finish_connect(driver, socket, now);
  } else {
    if ((events & PRTC_READY_OUTPUT) != 0) write_pending(driver, socket, now);
    /* An error, and the other side's end, are found by reading. */
    bool readable = (events & (PRTC_READY_INPUT | PRTC_READY_ERROR)) != 0;
    if (readable && prtc_socket_find(driver, id) != NULL) read_some(driver, socket, now);
  }
}

void prtc_stream_goodbye(struct prtc_driver *driver, const struct prtc_socket *stream) {
  (void)shutdown(stream->descriptor, SHUT_WR);
  for (int i = 0; i < DRAIN_READS && recv(stream->descriptor, driver->receive_space, PRTC_TRAIN_SIZE, 0) > 0; i++) continue;
}
