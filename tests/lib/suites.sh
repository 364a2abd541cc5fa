# The parts of tests/run, one function each, and the sum of their results. Sourced by tests/run.
#
# A part that fails does not stop the others; only when nothing can be built the run ends.
#
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2153 # BUILD and VENV are those of install.sh

FUZZ_SECONDS=${FUZZ_SECONDS:-30}
FUZZ_KEPT=${XDG_CACHE_HOME:-$HOME/.cache}/polyrtc/fuzz # what fuzzing has found stays, also for other checkouts
RESULTS=()                                            # "passed failed skipped name"
BUILT=                                                # "yes" once suite_build has run

# ----------------------------------------------------------------------------------------------------------------- results

# result NAME PASSED FAILED [SKIPPED]
result() {
  RESULTS+=("$2 $3 ${4:-0} $1")
  if [ "$3" -gt 0 ]; then say "$1: $3 FAILED, $2 passed"; else say "$1: $2 passed"; fi
}

summary() {
  local entry passed failed skipped name all_passed=0 all_failed=0 all_skipped=0
  printf '\n'
  say "done"
  for entry in "${RESULTS[@]}"; do
    read -r passed failed skipped name <<<"$entry"
    printf '  %-44s %5d passed %5d failed %5d skipped\n' "$name" "$passed" "$failed" "$skipped"
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
    all_skipped=$((all_skipped + skipped))
  done
  printf '\n'
  if [ "$all_skipped" -gt 0 ]; then
    printf '%d passed, %d failed, %d skipped\n' "$all_passed" "$all_failed" "$all_skipped"
  else
    printf '%d passed, %d failed\n' "$all_passed" "$all_failed"
  fi
  [ "$all_failed" -eq 0 ]
}

# ------------------------------------------------------------------------------------------------------------------- Bazel

# All that is shipped, with the native modules where the package of each language looks for them.
suite_build() {
  say "building everything"
  BUILT=yes
  if ! bazel_ build //... || ! BAZEL="${BAZEL[*]}" bindings/install python node go; then
    result "the build" 0 1
    summary || true
    exit 1
  fi
}

build_once() {
  [ -n "$BUILT" ] || suite_build
}

# bazel_tests NAME OPTION…: counts what Bazel says of each test target.
bazel_tests() {
  local name=$1 output=$BUILD/logs/bazel-tests.log status=0 passed failed
  shift
  say "$name"
  bazel_ test --keep_going "$@" //... 2>&1 | tee "$output" || status=$?
  passed=$(grep -cE '^//\S+ .*\bPASSED\b' "$output" || true)
  failed=$(grep -cE '^//\S+ .*\b(FAILED|TIMEOUT|NO STATUS|INCOMPLETE)\b' "$output" || true)
  # a failure before any test began
  if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  result "$name" "$passed" "$failed"
}

suite_bazel() {
  bazel_tests "tests of C and of the build"
}

suite_asan() {
  bazel_tests "C under AddressSanitizer and UBSan" --config=asan
}

# What runs in several threads; the others would only be slower.
suite_tsan() {
  bazel_tests "threads under ThreadSanitizer" --config=tsan --build_tests_only --test_tag_filters=threads
}

# ------------------------------------------------------------------------------------------------------------------- pytest

# pytest_suite FOLDER
pytest_suite() {
  local name=$1 report status=0 counts passed failed skipped
  [ -n "$(find "$name" -name 'test_*.py' -print -quit 2>/dev/null)" ] || return 0
  report=$BUILD/logs/$(tr / - <<<"$name").xml
  build_once
  say "pytest $name"
  rm -f "$report"
  PYTHONPATH=$PWD/python:$PWD${PYTHONPATH:+:$PYTHONPATH} \
    timeout --kill-after=30 1800 "$VENV/bin/python" -m pytest -q --junitxml="$report" "$name" || status=$?
  counts=$("$VENV/bin/python" - "$report" <<'PYTHON' || echo 0 1 0
import sys
import xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
failed = int(suite.get("failures")) + int(suite.get("errors"))
print(total - failed - skipped, failed, skipped)
PYTHON
  )
  read -r passed failed skipped <<<"$counts"
  if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  result "pytest $name" "$passed" "$failed" "$skipped"
}

suite_python() {
  local folder
  for folder in tests/sim tests/python tests/docs tests/examples; do pytest_suite "$folder"; done
}

suite_browser() {
  install_npm_packages examples/terminal
  install_npm_packages examples/node
  pytest_suite tests/browser
}

suite_nat() {
  # shellcheck source=tests/lib/peers.sh
  . tests/lib/peers.sh
  install_servers
  if build_peers; then pytest_suite tests/nat; else result "the peers of tests/nat" 0 1; fi
}

suite_interop() {
  # shellcheck source=tests/lib/peers.sh
  . tests/lib/peers.sh
  if build_peers; then pytest_suite tests/interop; else result "the peers of tests/interop" 0 1; fi
}

# -------------------------------------------------------------------------------------------------------------- Node and Go

# On the machine's Node and on those of tests/nodes.
suite_node() {
  local node output version status passed failed
  [ -f node/package.json ] || return 0
  build_once
  install_npm_packages node
  install_npm_packages tests/nodes
  install_npm_packages examples/node
  for node in "$(command -v node)" tests/nodes/node_modules/node-*/bin/node; do
    node=$(realpath "$node")
    version=$("$node" --version)
    output=$BUILD/logs/node-tests-$version.log
    status=0
    say "the Node package in Node $version"
    (cd node && timeout --kill-after=30 900 "$node" --test test/*.test.js) >"$output" 2>&1 || status=$?
    passed=$(sed -n 's/^[#ℹ] pass \([0-9]*\)$/\1/p' "$output" | tail -n 1)
    failed=$(sed -n 's/^[#ℹ] fail \([0-9]*\)$/\1/p' "$output" | tail -n 1)
    if [ "$status" -ne 0 ]; then
      grep -E -A 20 '^(not ok|✖)' "$output" | head -n 100 || true
      if [ "${failed:-0}" -eq 0 ]; then failed=1; fi
    fi
    result "Node $version" "${passed:-0}" "${failed:-0}"
  done
}

suite_go() {
  local output=$BUILD/logs/go-tests.log status=0 passed failed
  [ -f go/go.mod ] || return 0
  build_once
  say "the Go package"
  {
    (cd go && go vet ./... && timeout --kill-after=30 900 go test -v ./... && timeout --kill-after=30 900 go test -race -v .) ||
      status=$?
  } >"$output" 2>&1
  passed=$(grep -c '^--- PASS' "$output" || true)
  failed=$(grep -c '^--- FAIL' "$output" || true)
  if [ "$status" -ne 0 ]; then
    grep -v '^=== ' "$output" | tail -n 60
    if [ "$failed" -eq 0 ]; then failed=1; fi
  fi
  result "Go" "$passed" "$failed"
}

# Across all languages: it needs the modules of each.
suite_conformance() {
  pytest_suite tests/conformance
}

# ----------------------------------------------------------------------------------------------------------------- packages

# What is shipped, for each platform, installed where there is nothing else.
suite_packages() {
  # shellcheck source=tests/lib/systems.sh
  . tests/lib/systems.sh
  install_python_packages tests/packages/requirements.txt
  install_arm64
  install_nodes
  say "building the packages, for each platform (minutes, the first time)"
  if ! bazel_ build //python:wheel //python:wheels //node:package //go:module //tests/packages:programs; then
    result "the packages" 0 1
    return
  fi
  POLYRTC_BIN=$("${BAZEL_COMMAND[@]}" info bazel-bin 2>/dev/null)
  POLYRTC_ZIG=$("${BAZEL_COMMAND[@]}" info output_base 2>/dev/null)/external/zig
  export POLYRTC_BIN POLYRTC_ZIG
  pytest_suite tests/packages
}

# ------------------------------------------------------------------------------------------------------------------ fuzzing

# Each target two at a time, on the seeds beside its source and on what earlier runs have found.
suite_fuzz() {
  local targets target bin passed=0 failed=0 name
  if ! logged fuzz-targets "${BAZEL_COMMAND[@]}" query --noshow_progress 'attr(tags, "\bfuzz\b", tests(//...))'; then
    result "fuzzing" 0 1
    return
  fi
  mapfile -t targets < <(grep '^//' "$BUILD/logs/fuzz-targets.log")
  say "building ${#targets[@]} fuzz targets"
  if ! bazel_ build --config=fuzz "${targets[@]}"; then
    result "fuzzing" 0 "${#targets[@]}"
    return
  fi
  bin=$("${BAZEL_COMMAND[@]}" info --config=fuzz bazel-bin 2>/dev/null)
  say "fuzzing, two at a time, $FUZZ_SECONDS s each: about $(((${#targets[@]} * FUZZ_SECONDS + 119) / 120)) min"
  rm -rf "$BUILD/fuzz"
  mkdir -p "$BUILD/fuzz"
  printf '%s\n' "${targets[@]}" | sed -e 's|^//||' -e 's|:|/|' |
    xargs -P 2 -I '{}' tests/lib/fuzz_target "$bin" '{}' "$FUZZ_SECONDS" "$FUZZ_KEPT" "$BUILD/fuzz" || true
  for target in "${targets[@]}"; do
    name=$(sed -e 's|^//||' -e 's|[:/]|-|g' <<<"$target")
    if [ -f "$BUILD/fuzz/$name.passed" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  done
  result "fuzzing" "$passed" "$failed"
}
