/* polyrtc in libuv: one uv_poll_t carries all that the driver does.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <unistd.h>
#include <uv.h>

#include "echo.h"

static uv_poll_t driver, input;

static void stop_if_over(void) {
  if (echo_over()) uv_poll_stop(&driver); /* nothing is left to wait for, and uv_run returns */
}

static void on_driver(uv_poll_t *handle, int status, int events) {
  (void)handle, (void)status, (void)events;
  echo_process();
  stop_if_over();
}

static void on_input(uv_poll_t *handle, int status, int events) {
  (void)status, (void)events;
  if (!echo_input()) uv_poll_stop(handle);
  stop_if_over();
}

int main(void) {
  int descriptor = echo_open();
  if (descriptor < 0) return 1;
  uv_loop_t *loop = uv_default_loop();
  uv_poll_init(loop, &driver, descriptor);
  uv_poll_init(loop, &input, STDIN_FILENO);
  uv_poll_start(&driver, UV_READABLE, on_driver);
  uv_poll_start(&input, UV_READABLE, on_input);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&driver, NULL); /* before the descriptor, which is the driver's to close */
  uv_close((uv_handle_t *)&input, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
  echo_close();
  return 0;
}
