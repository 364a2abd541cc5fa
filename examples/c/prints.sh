#!/usr/bin/env bash
# Runs a program, which must end well and print exactly one given line. SPDX-License-Identifier: BSD-3-Clause
set -euo pipefail
printed=$("$1")
[ "$printed" = "$2" ] || { echo "$1 printed: $printed"; exit 1; }
