/* Descriptions as one line for copy and paste: the JSON of a browser's RTCSessionDescription.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef EXAMPLES_C_DESCRIPTION_H
#define EXAMPLES_C_DESCRIPTION_H

#include <polyrtc/polyrtc.h>

#define DESCRIPTION_LINE 65536 /* always enough for one */

/* Prints the peer's local description. */
void description_print(const prtc_peer *peer);

/* Sets the other side's description from such a line, which is changed; to an offer the peer answers. 0 or an error, which
 * is told. */
int description_take(prtc_peer *peer, prtc_time now, char *line, int is_answer);

#endif
