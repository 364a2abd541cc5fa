/* usrsctp's internal headers, and the functions of its API that are used here: its own usrsctp.h cannot be included beside
 * them, because both define the same structs.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_SCTP_USRSCTP_H
#define PRTC_SCTP_USRSCTP_H

#include <netinet/sctp_os.h>

#include <netinet/sctp_callout.h>
#include <netinet/sctp_constants.h>
#include <netinet/sctp_crc32.h>
#include <netinet/sctp_pcb.h>
/* … which sctp_output.h takes for granted */
#include <netinet/sctp_indata.h>
#include <netinet/sctp_output.h>
#include <netinet/sctp_sysctl.h>
#include <netinet/sctp_timer.h>
#include <netinet/sctp_var.h>
#include <netinet/sctputil.h>

void usrsctp_init_nothreads(uint16_t port, int (*output)(void *address, void *packet, size_t size, uint8_t tos, uint8_t df),
                            void (*print)(const char *format, ...));
void usrsctp_enable_crc32c_offload(void);
void usrsctp_register_address(void *address);
void usrsctp_conninput(void *address, const void *packet, size_t size, uint8_t ecn);
struct socket *usrsctp_socket(int domain, int type, int protocol,
                              int (*receive)(struct socket *, union sctp_sockstore, void *, size_t, struct sctp_rcvinfo,
                                             int, void *),
                              int (*send)(struct socket *, uint32_t, void *), uint32_t threshold, void *argument);
int usrsctp_set_non_blocking(struct socket *socket, int on);
int usrsctp_setsockopt(struct socket *socket, int level, int option, const void *value, socklen_t size);
int usrsctp_bind(struct socket *socket, struct sockaddr *address, int size);
int usrsctp_connect(struct socket *socket, struct sockaddr *address, int size);
/* usrsctp has it in a source file */
extern const struct sctp_cc_functions sctp_cc_functions[];

ssize_t usrsctp_sendv(struct socket *socket, const void *data, size_t size, struct sockaddr *to, int count, void *info,
                      socklen_t info_size, unsigned int info_type, int flags);
ssize_t usrsctp_recvv(struct socket *socket, void *data, size_t size, struct sockaddr *from, socklen_t *from_size,
                      void *info, socklen_t *info_size, unsigned int *info_type, int *flags);

#endif
