/* Datagrams one by one, by sendmsg and recvmsg.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _DEFAULT_SOURCE
#include <errno.h>

#include "drivers/poll/poll.h"

/* Batches that one call takes from one socket */
#define BATCHES_PER_CALL 4

int prtc_poll_send(const struct prtc_socket *socket, const prtc_datagram *datagrams, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const prtc_datagram *datagram = &datagrams[i];
    struct sockaddr_storage name;
    socklen_t length = prtc_address_to_system(&datagram->remote, &name);
    ssize_t sent;
    do {
      sent = sendto(socket->descriptor, datagram->data, datagram->size, 0, (const struct sockaddr *)&name, length);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return i == 0 ? -1 : (int)i;
  }
  return (int)count;
}

/* Fills the batch as far as there is something. Returns false when there is no more. */
static bool receive_batch(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now) {
  prtc_datagram datagrams[PRTC_RECEIVE_BATCH];
  size_t filled = 0;
  bool more = true;
  for (int i = 0; i < PRTC_RECEIVE_BATCH && more; i++) {
    struct sockaddr_storage name;
    uint8_t *space = driver->receive_space + filled * PRTC_TRAIN_SIZE;
    struct iovec vector = {.iov_base = space, .iov_len = PRTC_TRAIN_SIZE};
    struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &vector, .msg_iovlen = 1};
    ssize_t size = recvmsg(socket->descriptor, &message, 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      /* Anything else was about an earlier datagram, and is told only once. */
      more = errno != EAGAIN && errno != EWOULDBLOCK;
    } else if (size > 0 && (message.msg_flags & MSG_TRUNC) == 0) {
      prtc_datagram *datagram = &datagrams[filled++];
      *datagram = (prtc_datagram){
          .socket = socket->id, .protocol = PRTC_PROTOCOL_UDP, .data = space, .size = (size_t)size, .time = now};
      prtc_address_from_system((const struct sockaddr *)&name, &datagram->remote);
    }
  }
  /* What it drops it counts, and what is fatal it says again at the next call. */
  if (filled > 0) (void)prtc_endpoint_receive(driver->endpoint, now, datagrams, filled);
  return more;
}

void prtc_poll_receive(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now) {
  for (int i = 0; i < BATCHES_PER_CALL && receive_batch(driver, socket, now); i++) continue;
}

/* To whom the datagram went that the error is about, POSIX does not say: so it is taken away, and nobody is told. */
void prtc_poll_read_errors(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now) {
  (void)driver;
  (void)now;
  (void)prtc_socket_error(socket);
}
