// polyrtc/sansio for `import`.
//
// SPDX-License-Identifier: BSD-3-Clause
import sansio from './sansio.js';

export const { Certificate, Endpoint, PolyrtcError, check, errorName, errorText, events, newDriver, newReplay, version } = sansio;
export default sansio;
