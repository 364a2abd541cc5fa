/* Two peers in one process: one sends a greeting over a data channel, the other prints it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

/* In life: over any wire you like */
static int signal_to(prtc_peer *from, prtc_peer *to, prtc_sdp_type type, prtc_time now) {
  static char sdp[65536];
  int size = type == PRTC_SDP_OFFER ? prtc_peer_create_offer(from, now, NULL, sdp, sizeof sdp)
                                    : prtc_peer_create_answer(from, now, sdp, sizeof sdp);
  if (size < 0) return size;
  int code = prtc_peer_set_local_description(from, now, type, sdp, (size_t)size);
  return code < 0 ? code : prtc_peer_set_remote_description(to, now, type, sdp, (size_t)size);
}

int main(void) {
  prtc_driver *driver = prtc_driver_new(NULL);
  prtc_endpoint *endpoint = prtc_driver_endpoint(driver);
  prtc_time now = prtc_driver_now(driver);
  prtc_peer_config config;
  prtc_channel_config chat;
  PRTC_INIT(&config);
  PRTC_INIT(&chat);
  chat.label = "chat", chat.label_size = 4, chat.stream_id = PRTC_STREAM_NONE;
  prtc_peer *alice, *bob;
  prtc_channel_id channel;
  if (prtc_peer_new(endpoint, now, &config, &alice) < 0 || prtc_peer_new(endpoint, now, &config, &bob) < 0) return 1;
  if (prtc_peer_create_data_channel(alice, now, &chat, &channel) < 0) return 1;
  if (signal_to(alice, bob, PRTC_SDP_OFFER, now) < 0 || signal_to(bob, alice, PRTC_SDP_ANSWER, now) < 0) return 1;
  for (;;) {
    prtc_event event;
    while ((void)prtc_driver_flush(driver), prtc_endpoint_event(endpoint, &event, 1) > 0) {
      if (event.type == PRTC_EVENT_ENDPOINT_FAILED) return 1;
      prtc_peer *peer = prtc_endpoint_peer(endpoint, event.peer);
      if (event.type == PRTC_EVENT_ICE_CANDIDATE && event.text != NULL) { /* trickle: to the other one, as it is found */
        prtc_peer_add_ice_candidate(peer == alice ? bob : alice, prtc_driver_now(driver), event.text, event.mid, -1, NULL);
      } else if (event.type == PRTC_EVENT_CHANNEL_OPEN && peer == alice) {
        prtc_peer_send(alice, prtc_driver_now(driver), channel, PRTC_MESSAGE_TEXT, (const uint8_t *)"hello", 5);
      } else if (event.type == PRTC_EVENT_CHANNEL_MESSAGE) {
        printf("bob received: %.*s\n", (int)event.size, (const char *)event.data);
        prtc_driver_free(driver);
        return 0;
      }
    }
    prtc_driver_wait(driver, PRTC_NEVER);
    prtc_driver_process(driver);
  }
}
