/* The portable driver, what its files share.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DRIVERS_POLL_POLL_H
#define PRTC_DRIVERS_POLL_POLL_H

#include "drivers/common/driver.h"

/* poll, recvmsg and sendmsg: POSIX, and getifaddrs, which all have. */
extern const struct prtc_system prtc_system_poll;

/* See prtc_system for what these do. */
int prtc_poll_send(const struct prtc_socket *socket, const prtc_datagram *datagrams, size_t count);
void prtc_poll_receive(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);
void prtc_poll_read_errors(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);
int prtc_poll_interfaces(prtc_interface **out, size_t *count);

#endif
