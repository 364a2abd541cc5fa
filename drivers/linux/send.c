/* What goes out: trains, by sendmmsg(2) with UDP_SEGMENT.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "drivers/linux/linux.h"

/* Room for UDP_SEGMENT and for the byte of ECN */
struct control {
  _Alignas(struct cmsghdr) uint8_t space[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(int))];
};

static void add_control(struct msghdr *message, int level, int type, const void *value, size_t size) {
  struct cmsghdr *header = (struct cmsghdr *)(void *)((uint8_t *)message->msg_control + message->msg_controllen);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = (socklen_t)CMSG_LEN(size);
  memcpy(CMSG_DATA(header), value, size);
  message->msg_controllen += CMSG_SPACE(size);
}

/* Sends datagrams or trains of one socket in one call. Returns how many were taken, or -1 with errno about the first. */
int prtc_linux_send(const struct prtc_socket *socket, const prtc_datagram *datagrams, size_t count) {
  struct mmsghdr messages[PRTC_SEND_BATCH];
  struct iovec vectors[PRTC_SEND_BATCH];
  struct sockaddr_storage names[PRTC_SEND_BATCH];
  struct control controls[PRTC_SEND_BATCH];
  for (size_t i = 0; i < count; i++) {
    const prtc_datagram *datagram = &datagrams[i];
    struct msghdr *message = &messages[i].msg_hdr;
    messages[i] = (struct mmsghdr){0};
    controls[i] = (struct control){0};
    vectors[i] = (struct iovec){.iov_base = (uint8_t *)(uintptr_t)datagram->data, .iov_len = datagram->size};
    message->msg_name = &names[i];
    message->msg_namelen = prtc_address_to_system(&datagram->remote, &names[i]);
    message->msg_iov = &vectors[i];
    message->msg_iovlen = 1;
    message->msg_control = &controls[i];
    if (datagram->segment_size != 0 && datagram->segment_size < datagram->size) {
      uint16_t segment_size = (uint16_t)datagram->segment_size;
      add_control(message, IPPROTO_UDP, UDP_SEGMENT, &segment_size, sizeof segment_size);
    }
    if (datagram->ecn != PRTC_ECN_NOT_ECT) {
      int ecn = (int)datagram->ecn;
      bool ipv4 = socket->family == AF_INET;
      add_control(message, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_TOS : IPV6_TCLASS, &ecn, sizeof ecn);
    }
    if (message->msg_controllen == 0) message->msg_control = NULL;
  }
  int sent;
  do {
    sent = sendmmsg(socket->descriptor, messages, (unsigned)count, 0);
  } while (sent < 0 && errno == EINTR);
  return sent;
}
