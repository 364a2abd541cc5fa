/* What arrives: datagrams in batches, as trains where the kernel has put them together, and what ICMP says.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>
/* needs time.h before it */
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <string.h>

#include "drivers/linux/linux.h"

/* Batches, and messages of the error queue, that one call takes from one socket. */
#define BATCHES_PER_CALL 4
#define ERRORS_PER_CALL 64

/* Bytes that one batch should bring at most: what a CPU's cache holds until they have become messages. */
#define BATCH_BYTES (256u * 1024)

/* Room for UDP_GRO and for the byte of ECN, and for what an error is told with */
struct control {
  _Alignas(struct cmsghdr) uint8_t space[256];
};

static int read_int(const struct cmsghdr *header) {
  int value = 0;
  if (header->cmsg_len >= CMSG_LEN(sizeof value)) memcpy(&value, CMSG_DATA(header), sizeof value);
  return value;
}

static void read_control(struct msghdr *message, prtc_datagram *datagram) {
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == UDP_GRO) {
      int segment_size = read_int(header);
      if (segment_size > 0 && (size_t)segment_size < datagram->size) datagram->segment_size = (size_t)segment_size;
    } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS) {
      datagram->ecn = *CMSG_DATA(header) & 3u; /* a single byte, unlike its IPv6 sister */
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_TCLASS) {
      datagram->ecn = (uint32_t)read_int(header) & 3u;
    }
  }
}

/* How many messages are worth asking for next: as many as came, and more when all that was asked for came; fewer when they
 * are large. */
static size_t expect(size_t asked, size_t came, size_t bytes) {
  size_t next = came < asked ? came : 2 * asked;
  if (next > PRTC_RECEIVE_BATCH) next = PRTC_RECEIVE_BATCH;
  while (next > 1 && next * (bytes / came) > BATCH_BYTES) next /= 2;
  return next;
}

/* One recvmmsg and what it brought. Returns how many messages there were, or -1 with errno. */
static int receive_batch(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now) {
  size_t asked = socket->expected > 0 ? socket->expected : 1, bytes = 0;
  struct mmsghdr messages[PRTC_RECEIVE_BATCH];
  struct iovec vectors[PRTC_RECEIVE_BATCH];
  struct sockaddr_storage names[PRTC_RECEIVE_BATCH];
  struct control controls[PRTC_RECEIVE_BATCH];
  prtc_datagram datagrams[PRTC_RECEIVE_BATCH];

  for (size_t i = 0; i < asked; i++) {
    vectors[i] = (struct iovec){.iov_base = driver->receive_space + i * PRTC_TRAIN_SIZE, .iov_len = PRTC_TRAIN_SIZE};
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &names[i],
        .msg_namelen = sizeof names[i],
        .msg_iov = &vectors[i],
        .msg_iovlen = 1,
        .msg_control = &controls[i],
        .msg_controllen = sizeof controls[i],
    };
  }
  int count = recvmmsg(socket->descriptor, messages, (unsigned)asked, 0, NULL);
  if (count < 0) return -1;
  size_t filled = 0;
  for (size_t i = 0; i < (size_t)count; i++) {
    struct msghdr *message = &messages[i].msg_hdr;
    bytes += messages[i].msg_len;
    if (messages[i].msg_len == 0 || (message->msg_flags & MSG_TRUNC) != 0) continue;
    prtc_datagram *datagram = &datagrams[filled++];
    *datagram = (prtc_datagram){
        .socket = socket->id,
        .protocol = PRTC_PROTOCOL_UDP,
        .data = driver->receive_space + i * PRTC_TRAIN_SIZE,
        .size = messages[i].msg_len,
        .time = now,
    };
    prtc_address_from_system((const struct sockaddr *)&names[i], &datagram->remote);
    read_control(message, datagram);
  }
  if (count > 0) socket->expected = expect(asked, (size_t)count, bytes);
  /* What it drops it counts, and what is fatal it says again at the next call. */
  if (filled > 0) (void)prtc_endpoint_receive(driver->endpoint, now, datagrams, filled);
  return count;
}

void prtc_linux_receive(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now) {
  for (int i = 0; i < BATCHES_PER_CALL; i++) {
    int count = receive_batch(driver, socket, now);
    if (count < 0 && errno != EAGAIN && errno != EINTR) prtc_linux_read_errors(driver, socket, now);
    if (count < PRTC_RECEIVE_BATCH) return;
  }
}

void prtc_linux_read_errors(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now) {
  for (int i = 0; i < ERRORS_PER_CALL; i++) {
    struct sockaddr_storage name;
    uint8_t ignored[1]; /* the start of the datagram that caused it */
    struct iovec vector = {.iov_base = ignored, .iov_len = sizeof ignored};
    struct control control;
    struct msghdr message = {
        .msg_name = &name,
        .msg_namelen = sizeof name,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    if (recvmsg(socket->descriptor, &message, MSG_ERRQUEUE) < 0) {
      /* The queue is empty. An error without a message would make the socket ready for ever: reading it takes it away. */
      (void)prtc_socket_error(socket);
      return;
    }
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
      bool ipv4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
      bool ipv6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
      struct sock_extended_err error;
      if ((!ipv4 && !ipv6) || header->cmsg_len < CMSG_LEN(sizeof error)) continue;
      memcpy(&error, CMSG_DATA(header), sizeof error);
      if (error.ee_errno == EMSGSIZE) continue; /* ICMP: too large for the path, which the core finds out itself */
      prtc_address remote;
      prtc_address_from_system((const struct sockaddr *)&name, &remote);
      (void)prtc_endpoint_unreachable(driver->endpoint, now, socket->id, &remote, (int)error.ee_errno);
    }
  }
}
