/* Which driver an application gets: the best that its system has.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <string.h>

#ifdef __linux__
#include "drivers/linux/linux.h"
#define BEST prtc_system_linux
#else
#define BEST prtc_system_poll
#endif
#include "drivers/poll/poll.h"

prtc_driver *prtc_driver_new(const prtc_driver_config *config) {
  prtc_driver_config complete;
  PRTC_INIT(&complete);
  if (config != NULL) {
    if (config->size < sizeof(size_t)) {
      errno = EINVAL;
      return NULL;
    }
    memcpy(&complete, config, config->size < sizeof complete ? config->size : sizeof complete);
    complete.size = sizeof complete;
  }
  return prtc_driver_make(&complete, complete.portable != 0 ? &prtc_system_poll : &BEST);
}
