/* The Linux driver, what its files share.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DRIVERS_LINUX_LINUX_H
#define PRTC_DRIVERS_LINUX_LINUX_H

#include "drivers/common/driver.h"

/* epoll and timerfd around recvmmsg and sendmmsg. */
extern const struct prtc_system prtc_system_linux;

/* See prtc_system for what these do. */
int prtc_linux_send(const struct prtc_socket *socket, const prtc_datagram *datagrams, size_t count);
void prtc_linux_receive(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);
void prtc_linux_read_errors(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now);
int prtc_linux_interfaces_read(prtc_interface **out, size_t *count);

/* A netlink socket that becomes readable when addresses come or go, or -1. */
int prtc_linux_interfaces_watch(void);
/* Empties it: true when there was anything. */
bool prtc_linux_interfaces_changed(int netlink);

#endif
