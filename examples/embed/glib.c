/* polyrtc in GLib's main loop, which is that of GTK and GStreamer: one source carries all that the driver does.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <glib-unix.h>
#include <glib.h>
#include <unistd.h>

#include "echo.h"

static GMainLoop *loop;

static void quit_if_over(void) {
  if (echo_over()) g_main_loop_quit(loop);
}

static gboolean on_driver(gint descriptor, GIOCondition condition, gpointer data) {
  (void)descriptor, (void)condition, (void)data;
  echo_process();
  quit_if_over();
  return G_SOURCE_CONTINUE;
}

static gboolean on_input(gint descriptor, GIOCondition condition, gpointer data) {
  (void)descriptor, (void)condition, (void)data;
  gboolean more = echo_input();
  quit_if_over();
  return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

int main(void) {
  int descriptor = echo_open();
  if (descriptor < 0) return 1;
  loop = g_main_loop_new(NULL, FALSE);
  guint source = g_unix_fd_add(descriptor, G_IO_IN, on_driver, NULL);
  g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, NULL);
  g_main_loop_run(loop);
  g_source_remove(source); /* before the descriptor, which is the driver's to close */
  echo_close();
  g_main_loop_unref(loop);
  return 0;
}
