// The native module: the engine, flat and polled (bindings/polyrtc.i in the sources). It is the one that bindings/install has
// put into this checkout, or the one of the package for this platform.
//
// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const { existsSync } = require('node:fs');
const { join } = require('node:path');

/** Whether this Node runs on musl: such a one reports no version of glibc. */
function isMusl() {
  const { report } = process;
  const before = report.excludeNetwork; // otherwise a report looks up names
  report.excludeNetwork = true;
  try {
    return report.getReport().header.glibcVersionRuntime === undefined;
  } finally {
    report.excludeNetwork = before;
  }
}

function find() {
  const root = join(__dirname, '..');
  const built = join(root, 'polyrtc.node');
  if (existsSync(built)) return built;
  const { platform, arch } = process;
  const name = `${platform}-${arch}${platform === 'linux' && isMusl() ? '-musl' : ''}`;
  const packed = join(root, 'prebuilds', name, 'polyrtc.node');
  if (existsSync(packed)) return packed;
  throw new Error(`polyrtc has no native module for this system (${name}); it has to be built from its sources`);
}

module.exports = require(find());
