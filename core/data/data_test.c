/* Channels over real associations and a simulated network.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/data/pair_test.h"

static void opens_by_dcep_and_talks(void) {
  struct pair *pair = pair_new(1, NULL, NULL);
  prtc_channel_id here = pair_create(pair, 0, "chat", 0);
  PRTC_CHECK_INT(pair_info(pair, 0, here).stream_id, PRTC_STREAM_NONE);
  PRTC_CHECK_INT(pair_text(pair, 0, here, "too early"), PRTC_ERROR_INVALID_STATE);
  pair_connect(pair);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "O");
  PRTC_CHECK_TEXT(pair_story(pair, 1), "CO");
  prtc_channel_id there = pair->ends[1].happened[0].channel;
  PRTC_CHECK_TEXT(pair_info(pair, 1, there).label, "chat");
  PRTC_CHECK_INT(pair_info(pair, 1, there).stream_id, 0);
  PRTC_CHECK_INT(pair_text(pair, 0, here, "hello"), 0);
  PRTC_CHECK_INT(pair_text(pair, 1, there, ""), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "OLM");
  PRTC_CHECK_TEXT(pair_story(pair, 1), "COM");
  const struct happening *message = pair_find(pair, 1, PRTC_DATA_EVENT_MESSAGE, 0);
  PRTC_CHECK_TEXT((const char *)message->bytes, "hello");
  PRTC_CHECK_INT(pair_find(pair, 0, PRTC_DATA_EVENT_MESSAGE, 0)->size, 0);
  pair_forget(pair);

  PRTC_CHECK_INT(prtc_data_close_channel(pair->ends[0].data, here), 0);
  pair_run(pair, SECOND);
  PRTC_CHECK_TEXT(pair_story(pair, 0), "X");
  PRTC_CHECK_TEXT(pair_story(pair, 1), "cX");
  pair_free(pair);
}

int main(void) {
  PRTC_RUN(opens_by_dcep_and_talks);
  return PRTC_TEST_RESULT();
}
