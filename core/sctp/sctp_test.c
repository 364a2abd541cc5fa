/* Associations in virtual time, over good and bad networks.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/world_test.h"

static int send_text(struct world *world, int side, uint32_t stream, const char *text) {
  prtc_sctp_message message = world_message(stream, text, strlen(text));
  return prtc_sctp_send(world->sides[side].sctp, world->now, &message);
}

static void connects_and_exchanges_messages(void) {
  struct world *world = world_connected(1, NULL);
  const struct told *connected = world_told(world, 0, PRTC_SCTP_EVENT_CONNECTED, 0);
  PRTC_CHECK_INT(connected->outgoing_streams, 1024);
  PRTC_CHECK_INT(connected->incoming_streams, 1024);
  PRTC_CHECK_INT(send_text(world, 0, 0, "hello"), 0);
  PRTC_CHECK_INT(send_text(world, 1, 1000, "good day"), 0);
  world_run(world, SECOND);
  for (int i = 0; i < 2; i++) {
    const struct told *message = world_told(world, i, PRTC_SCTP_EVENT_MESSAGE, 0);
    PRTC_REQUIRE(message != NULL);
    PRTC_CHECK_INT(message->size, i == 0 ? 8 : 5);
    PRTC_CHECK(memcmp(message->data, i == 0 ? "good day" : "hello", message->size) == 0);
    PRTC_CHECK_INT(message->stream, i == 0 ? 1000 : 0);
    PRTC_CHECK_INT(message->ppid, PRTC_PPID_BINARY);
    PRTC_CHECK(message->whole);
    PRTC_CHECK_INT(world_count(world, i, PRTC_SCTP_EVENT_MESSAGE), 1);
    PRTC_CHECK_INT(world->sides[i].refused, 0);
    PRTC_CHECK_INT(prtc_sctp_buffered(world->sides[i].sctp), 0);
  }
  world_free(world);
}

int main(void) {
  PRTC_RUN(connects_and_exchanges_messages);
  return PRTC_TEST_RESULT();
}
