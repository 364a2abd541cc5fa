// The native module: the engine, flat and polled (bindings/polyrtc.i in the sources).
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

module.exports = require('../polyrtc.node');
