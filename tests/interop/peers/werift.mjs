// werift.
// SPDX-License-Identifier: BSD-3-Clause
import { RTCPeerConnection } from 'werift';
import { serve } from './serve.mjs';
import { w3c } from './w3c.mjs';

await serve(w3c(RTCPeerConnection));
