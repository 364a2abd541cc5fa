"""@zig: clang, lld and the headers of several C libraries in one wheel of PyPI (ziglang), as C/C++ toolchains for what is shipped.

One crosstool for each target, whatever this machine is: glibc as old as what manylinux_2_28 promises, or musl. ZIG_TARGETS names them; the
transition of bindings/package.bzl and the lines of .bazelrc choose. What zig builds of C libraries for itself is kept in
~/.cache/polyrtc (XDG_CACHE_HOME).
"""

load("//third_party:cached.bzl", "from_cache", "into_cache")

ZIG_VERSION = "0.13.0.post1"

# by machine, as `uname -m` says it
_WHEELS = {
    "aarch64": (
        "ziglang-0.13.0.post1-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        "b2ab883f27e915bc34266ff6627f565b5cc7b3c566b5a91f633b4174d52119a9",
    ),
    "x86_64": (
        "ziglang-0.13.0.post1-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl",
        "5ff0f2cb0d583b4f94820909612043f62e4d1d9a8bed77ceec088a01fc2ef015",
    ),
}

# name -> what zig calls it, and what Bazel calls its processor
ZIG_TARGETS = {
    "linux_aarch64": ("aarch64-linux-gnu.2.28", "aarch64"),
    "linux_aarch64_musl": ("aarch64-linux-musl", "aarch64"),
    "linux_x86_64": ("x86_64-linux-gnu.2.28", "k8"),
    "linux_x86_64_musl": ("x86_64-linux-musl", "k8"),
}

# Bazel drives C and C++ by one program. The headers that it read are told by a name that is the same in each checkout.
_CC = """#!/bin/sh
set -eu
zig=$(dirname "$0")/../ziglang/zig
export ZIG_GLOBAL_CACHE_DIR="{cache}" ZIG_LOCAL_CACHE_DIR="{cache}"
language=cc depfile= previous=
for argument; do
  case $argument in *.cc | *.cpp) language=c++ ;; esac
  case $previous in -MF) depfile=$argument ;; esac
  previous=$argument
done
"$zig" $language -target {target} "$@"
if [ -n "$depfile" ]; then sed -i 's|[^ ]*/ziglang/lib/|/zig/lib/|' "$depfile"; fi
"""

_AR = """#!/bin/sh
exec "$(dirname "$0")/../ziglang/zig" ar "$@"
"""

# GNU objcopy knows one processor alone
_OBJCOPY = """#!/bin/sh
exec "{objcopy}" "$@"
"""

_BUILD = """
load("@polyrtc//third_party:zig_toolchain.bzl", "zig_toolchain")

package(default_visibility = ["//visibility:public"])

exports_files(glob([
    "ziglang/LICENSE",
    "ziglang/lib/lib*/LICENSE.TXT",
]))
"""

_TOOLCHAIN = """
zig_toolchain(
    name = "{name}",
    cpu = "{cpu}",
)
"""

def _download(ctx, wheel, sha256):
    ctx.report_progress("downloading zig")
    for argv in [
        ["python3", "-m", "venv", ".venv"],
        [".venv/bin/python", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "download", "ziglang==" + ZIG_VERSION],
    ]:
        result = ctx.execute(argv, timeout = 900, quiet = True)
        if result.return_code != 0:
            fail(("polyrtc: zig %s cannot be downloaded from PyPI. Needed are the packages python3 and python3-venv, and a " +
                  "network connection to PyPI.\n%s failed:\n%s\n%s") % (ZIG_VERSION, " ".join(argv), result.stdout, result.stderr))
    path = ctx.path("download/" + wheel)
    if not path.exists:
        fail("polyrtc: pip brought another file of zig %s than %s" % (ZIG_VERSION, wheel))
    into_cache(ctx, path, wheel, sha256, extract = True)
    ctx.delete("download")
    ctx.delete(".venv")

def _zig_impl(ctx):
    machine = ctx.execute(["uname", "-m"]).stdout.strip()
    if machine not in _WHEELS:
        fail("polyrtc: no zig is known for the processor %s" % machine)
    objcopy = ctx.which("llvm-objcopy") or ctx.which("llvm-objcopy-14")
    if not objcopy:
        fail("polyrtc: there is no llvm-objcopy: install the package llvm")
    wheel, sha256 = _WHEELS[machine]
    if not from_cache(ctx, wheel, sha256, extract = True):
        _download(ctx, wheel, sha256)
    result = ctx.execute(["chmod", "+x", "ziglang/zig"])
    if result.return_code != 0:
        fail(result.stderr)
    home = ctx.os.environ.get("XDG_CACHE_HOME") or ctx.os.environ.get("HOME", "/tmp") + "/.cache"
    build = _BUILD
    for name, (target, cpu) in ZIG_TARGETS.items():
        ctx.file(name + "/cc", _CC.format(target = target, cache = "%s/polyrtc/zig-%s" % (home, ZIG_VERSION)))
        ctx.file(name + "/ar", _AR)
        ctx.file(name + "/objcopy", _OBJCOPY.format(objcopy = objcopy))
        build += _TOOLCHAIN.format(name = name, cpu = cpu)
    ctx.file("BUILD.bazel", build, executable = False)

zig_repository = repository_rule(
    implementation = _zig_impl,
    environ = ["HOME", "XDG_CACHE_HOME"],
)
