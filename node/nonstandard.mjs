// polyrtc/nonstandard for `import`.
//
// SPDX-License-Identifier: BSD-3-Clause
import nonstandard from './nonstandard.js';

export const { ANY_PORT, NO_LIMIT, createPeerConnection, failureOf, messageWriter, messages, seeInside } = nonstandard;
export default nonstandard;
