# Installs what a build or the tests need and this machine does not have: from Debian, PyPI, npm. Sourced by tests/run and
# examples/run, with the current directory at the top of the checkout.
#
# Nothing is done twice: Debian's packages are looked up before apt is called, and what was installed from a file of pinned
# versions is remembered by the hash of that file (.build/stamps).
#
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

set -euo pipefail

BUILD=$PWD/.build       # logs, stamps, reports: may be deleted at any time
VENV=$PWD/.venv         # the Python of tests and examples
read -r -a BAZEL_COMMAND <<<"${BAZEL:-bazel}" # BAZEL="bazel --output_base=…" for one's own
mkdir -p "$BUILD/logs" "$BUILD/stamps"

# ----------------------------------------------------------------------------------------------------------- saying things

say() {
  printf '[%2d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"
}

stop() {
  printf '\npolyrtc: %s\n' "$*" >&2
  exit 1
}

# logged NAME COMMAND… runs it with its output in a log, and shows the end of that when it fails.
logged() {
  local log=$BUILD/logs/$1.log status=0
  shift
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 40 "$log" >&2
    printf '%s failed (%d); all of its output is in %s\n' "$1" "$status" "$log" >&2
  fi
  return "$status"
}

# ------------------------------------------------------------------------------------------------------------------ stamps

# done_before NAME FILE…: has NAME been done with these very files? Otherwise do it, and call remember NAME FILE… after.
done_before() {
  [ -f "$BUILD/stamps/$1" ] && [ "$(cat "$BUILD/stamps/$1")" = "$(fingerprint "${@:2}")" ]
}

remember() {
  fingerprint "${@:2}" >"$BUILD/stamps/$1"
}

fingerprint() {
  cat -- "$@" | sha256sum
}

# ------------------------------------------------------------------------------------------------------------------ Debian

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# need_debian PACKAGE…
need_debian() {
  command -v apt-get >/dev/null || stop "this needs Debian 12 (or a system with its packages): there is no apt-get here."
  local installed missing
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' || true)
  missing=$(comm -23 <(printf '%s\n' "$@" | sort) <(sort <<<"$installed") | paste -s -d ' ')
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    stop "these Debian packages are missing, and only root can install them (there is no sudo here): $missing"
  fi
  say "installing from Debian: $missing"
  # word splitting of $missing is meant
  # shellcheck disable=SC2086
  logged apt as_root sh -c '
    set -e
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=600 update || true # one archive of several that fails need not matter
    apt-get -q -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"' sh $missing ||
    stop "apt could not install these packages. Is the network there, and does apt-get update work? ($missing)"
}

# The packages that a file lists.
listed() {
  sed -e 's/#.*//' -e '/^\s*$/d' "$1"
}

install_build_tools() {
  local packages
  mapfile -t packages < <(listed tests/lib/debian-build.txt)
  need_debian "${packages[@]}"
  find_python
}

install_test_tools() {
  local packages
  mapfile -t packages < <(listed tests/lib/debian-test.txt)
  need_debian "${packages[@]}"
}

# Servers that tests start by themselves, in network namespaces. Debian would start one of each at once and at every boot, for
# everybody on the network: their units are masked before. (One that was installed already stays as it is.)
install_servers() {
  local server servers
  mapfile -t servers < <(listed tests/lib/debian-servers.txt)
  for server in "${servers[@]}"; do
    if [ -d /etc/systemd/system ] && [ -z "$(dpkg-query -W -f '${db:Status-Status}' "$server" 2>/dev/null)" ]; then
      as_root ln -sf /dev/null "/etc/systemd/system/$server.service"
    fi
  done
  need_debian "${servers[@]}"
}

# ------------------------------------------------------------------------------------------------------------------ Python

usable_python() {
  "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python_with_headers() {
  "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' >/dev/null 2>&1
}

# Sets PYTHON to one that can make virtual environments; the headers for the extension may be another's (stable ABI).
find_python() {
  usable_python python3 || usable_python /usr/bin/python3 || need_debian python3 python3-venv
  python_with_headers python3 || python_with_headers /usr/bin/python3 || need_debian python3-dev
  for PYTHON in python3 /usr/bin/python3; do
    if usable_python "$PYTHON"; then return; fi
  done
  stop "Python 3.11 or later is needed, with its venv module; Debian 12 has it as python3 and python3-venv."
}

# install_python_packages REQUIREMENTS: into .venv, each file checked against its hash.
install_python_packages() {
  local name
  name=python-$(tr / - <<<"$1")
  if [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -c '' 2>/dev/null && done_before "$name" "$1" "$VENV/pyvenv.cfg"; then
    return
  fi
  find_python
  say "installing from PyPI: $1"
  if ! "$VENV/bin/python" -c '' 2>/dev/null; then
    rm -rf "$VENV"
    logged venv "$PYTHON" -m venv "$VENV" || stop "$PYTHON could not make a virtual environment in .venv."
  fi
  logged pip "$VENV/bin/python" -m pip install --disable-pip-version-check --require-hashes --requirement "$1" ||
    stop "pip could not install $1. Is the network there? Wheels are expected for each package; none needs a compiler."
  remember "$name" "$1" "$VENV/pyvenv.cfg"
}

# -------------------------------------------------------------------------------------------------------------- Node and Go

version_of_node() {
  { node --version 2>/dev/null || true; } | sed -n 's/^v\([0-9]*\).*/\1/p'
}

# Node 18 or later, with npm.
install_node() {
  local version
  version=$(version_of_node)
  if [ "${version:-0}" -lt 18 ] || ! command -v npm >/dev/null; then
    need_debian nodejs npm
    hash -r
    version=$(version_of_node)
    [ "${version:-0}" -ge 18 ] || stop "Node 18 or later is needed; the node in PATH is older: $(command -v node)."
  fi
}

# install_npm_packages FOLDER: what its package-lock.json pins.
install_npm_packages() {
  local name
  name=npm-$(tr / - <<<"$1")
  if [ -d "$1/node_modules" ] && done_before "$name" "$1/package-lock.json"; then return; fi
  install_node
  say "installing from npm: $1"
  (cd "$1" && logged "$name" npm ci --no-audit --no-fund) ||
    stop "npm could not install $1/package-lock.json. Is the network there?"
  remember "$name" "$1/package-lock.json"
}

# Go 1.19 or later.
install_go() {
  export GOTOOLCHAIN=local # never download another Go
  if ! command -v go >/dev/null; then need_debian golang-go; fi
  local version
  version=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge 19 ] || stop "Go 1.19 or later is needed; this is $(go version)."
}

# ------------------------------------------------------------------------------------------------------------------- Bazel

# bazel_ COMMAND ARGUMENT…: with little said, but a sign of life every 15 seconds.
bazel_() {
  local quiet=()
  if ! [ -t 2 ]; then quiet=(--curses=no --color=no --show_progress_rate_limit=15); fi
  if [ "$1" = build ]; then quiet+=(--show_result=0 --ui_event_filters=-info); fi
  "${BAZEL_COMMAND[@]}" "$1" --noshow_loading_progress "${quiet[@]}" "${@:2}"
}
