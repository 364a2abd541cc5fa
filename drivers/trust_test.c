/* The system's trust anchors with a driver (the argument says which): TURN over TLS begins with them, and not without.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#include "core/base/testing.h"

static uint32_t portable;

/* A file with a certificate, as PEM. */
static void write_anchors(char *path) {
  char pem[4096];
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  prtc_certificate *certificate = prtc_certificate_new(context, 1700000000);
  int size = prtc_certificate_print(certificate, pem, sizeof pem), file = mkstemp(path);
  PRTC_REQUIRE(size > 0 && file >= 0 && write(file, pem, (size_t)size) == size && close(file) == 0);
  prtc_certificate_release(certificate);
  prtc_context_free(context);
}

/* Gathers from a turns: server at a socket of ours. The first byte that came to it; or -1, and why there is none. */
static int gather(char error[256]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), connection = -1;
  PRTC_REQUIRE(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
  PRTC_REQUIRE(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
  char url[64];
  snprintf(url, sizeof url, "turns:127.0.0.1:%u", ntohs(address.sin_port));
  const prtc_ice_server server = {.url = url, .username = "user", .credential = "secret"};
  prtc_driver_config driver_config;
  prtc_peer_config config;
  prtc_channel_config channel;
  prtc_channel_id id;
  prtc_peer *peer;
  PRTC_INIT(&driver_config);
  driver_config.portable = portable;
  prtc_driver *driver = prtc_driver_new(&driver_config);
  PRTC_REQUIRE(driver != NULL);
  PRTC_INIT(&config);
  config.ice_servers = &server;
  config.ice_server_count = 1;
  config.use_loopback = 1;
  prtc_channel_config_init(&channel);
  PRTC_REQUIRE(prtc_peer_new(prtc_driver_endpoint(driver), prtc_driver_now(driver), &config, &peer) == 0);
  PRTC_REQUIRE(prtc_peer_create_data_channel(peer, prtc_driver_now(driver), &channel, &id) == 0);
  PRTC_REQUIRE(prtc_peer_set_local_description(peer, prtc_driver_now(driver), PRTC_SDP_OFFER, NULL, 0) == 0);
  unsigned char byte;
  int result = -1;
  error[0] = '\0';
  prtc_time end = prtc_driver_now(driver) + 30000000;
  while (prtc_driver_now(driver) < end && error[0] == '\0' && result < 0) {
    prtc_event event;
    PRTC_REQUIRE(prtc_driver_process(driver) == 0);
    while (prtc_endpoint_event(prtc_driver_endpoint(driver), &event, 1) > 0) {
      if (event.type == PRTC_EVENT_ICE_CANDIDATE_ERROR) snprintf(error, 256, "%s", event.text);
    }
    if (connection < 0) connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection >= 0 && recv(connection, &byte, 1, 0) == 1) result = byte;
    if (result < 0 && error[0] == '\0') (void)prtc_driver_wait(driver, prtc_driver_now(driver) + 5000);
  }
  prtc_driver_free(driver);
  if (connection >= 0) close(connection);
  close(listener);
  return result;
}

static void with_anchors(void) {
  char path[] = "/tmp/polyrtc-anchors-XXXXXX", error[256];
  write_anchors(path);
  PRTC_REQUIRE(setenv("SSL_CERT_FILE", path, 1) == 0);
  PRTC_CHECK_INT(gather(error), 22); /* a TLS handshake */
  PRTC_CHECK_TEXT(error, "");
  unlink(path);
}

static void without_anchors(void) {
  static const char *const paths[] = {"/nonexistent/file", "/dev/null", "/"};
  for (size_t i = 0; i < 3; i++) {
    char error[256];
    PRTC_REQUIRE(setenv("SSL_CERT_FILE", paths[i], 1) == 0);
    PRTC_CHECK_INT(gather(error), -1);
    const char *why = strchr(error, ' ');
    PRTC_CHECK_TEXT(why != NULL ? why : error, " the system has no trust anchors");
  }
}

int main(int argc, char **argv) {
  portable = argc > 1 && strcmp(argv[1], "portable") == 0;
  PRTC_RUN(with_anchors);
  PRTC_RUN(without_anchors);
  return PRTC_TEST_RESULT();
}
