/* polyrtc in an epoll loop of one's own: the driver's descriptor is one among the others.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "echo.h"

static int watch(int set, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  return epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event);
}

int main(void) {
  int descriptor = echo_open();
  if (descriptor < 0) return 1;
  int set = epoll_create1(EPOLL_CLOEXEC);
  if (set < 0 || watch(set, descriptor) < 0 || watch(set, STDIN_FILENO) < 0) {
    perror("epoll");
    return 1;
  }
  while (!echo_over()) {
    struct epoll_event ready[8];
    int count = epoll_wait(set, ready, 8, -1); /* the driver brings its own timer: no time-out is to be reckoned */
    for (int i = 0; i < count; i++) {
      if (ready[i].data.fd == descriptor) {
        echo_process();
      } else if (!echo_input()) {
        epoll_ctl(set, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
      }
    }
  }
  close(set);
  echo_close();
  return 0;
}
