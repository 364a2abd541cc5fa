/* polyrtc in libevent: one event carries all that the driver does.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <event2/event.h>
#include <unistd.h>

#include "echo.h"

static struct event_base *base;
static struct event *driver, *input;

static void break_if_over(void) {
  if (echo_over()) event_base_loopbreak(base);
}

static void on_driver(evutil_socket_t descriptor, short what, void *data) {
  (void)descriptor, (void)what, (void)data;
  echo_process();
  break_if_over();
}

static void on_input(evutil_socket_t descriptor, short what, void *data) {
  (void)descriptor, (void)what, (void)data;
  if (!echo_input()) event_del(input);
  break_if_over();
}

int main(void) {
  int descriptor = echo_open();
  if (descriptor < 0) return 1;
  base = event_base_new();
  driver = event_new(base, descriptor, EV_READ | EV_PERSIST, on_driver, NULL);
  input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL);
  event_add(driver, NULL);
  event_add(input, NULL);
  event_base_dispatch(base);
  event_free(driver); /* before the descriptor, which is the driver's to close */
  event_free(input);
  event_base_free(base);
  echo_close();
  return 0;
}
