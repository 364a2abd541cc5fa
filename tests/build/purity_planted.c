/* Everything that purity_test must refuse, in one object.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int prtc_planted(void);

static int at_loading = 1;

__attribute__((constructor)) static void load(void) { at_loading = 2; }

int prtc_planted(void) {
  static int calls;
  static _Thread_local time_t last = 5;
  if (getenv("PLANTED") != NULL) fputs("planted\n", stderr);
  if (time(NULL) != last) last = time(NULL);
  return ++calls + (int)last + at_loading;
}
