/* Recordings from anybody: whatever stands in the file, the replay ends with a code.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdint.h>
#include <string.h>

#include <polyrtc/replay.h>

/* Calls of one file: what is found is found early. */
enum { STEPS = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const prtc_replay_config config = {
      .size = sizeof config, .recording = data, .recording_size = size, .key_log = 1, .capture_size = 100000};
  prtc_replay *replay = prtc_replay_new(&config);
  prtc_replay_step step;
  uint8_t chunk[1024];
  if (replay == NULL) return 0;
  for (int i = 0; i < STEPS && prtc_replay_next(replay, &step) > 0; i++) {
    while (prtc_endpoint_output(prtc_replay_endpoint(replay), PRTC_OUTPUT_CAPTURE, chunk, sizeof chunk) > 0) continue;
  }
  (void)prtc_replay_message(replay);
  prtc_replay_free(replay);
  return 0;
}
