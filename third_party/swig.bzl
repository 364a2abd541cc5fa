"""@swig: SWIG from its PyPI wheel (Debian's is too old for Node-API).

    genrule(
        name = "wrapper",
        srcs = ["polyrtc.i", "//core/include:headers"],
        outs = ["polyrtc_wrap.c"],
        cmd = "$(location @swig) -python -Icore/include -o $@ $(location polyrtc.i)",
        tools = ["@swig"],
    )
"""

load("//third_party:cached.bzl", "from_cache", "into_cache")

_VERSION = "4.5.1"

# by machine, as `uname -m` says it
_WHEELS = {
    "aarch64": (
        "swig-4.5.1-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        "cc174e318c713fa6e813085ef4b6a6fba354ddfca53ca14d188ff956fc546dea",
    ),
    "x86_64": (
        "swig-4.5.1-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.whl",
        "e0cdc78a984dac35aa78091234e5d62909741ec63df6d03b0764075248cb7845",
    ),
}

# It would look for its library where it was built. ($0 is a link that Bazel makes.)
_WRAPPER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
SWIG_LIB="$here/data/share/swig/%s"
export SWIG_LIB
exec "$here/data/bin/swig" "$@"
""" % _VERSION

_BUILD = """
sh_binary(
    name = "swig",
    srcs = ["swig.sh"],
    data = glob(["data/**"]),
    visibility = ["//visibility:public"],
)
"""

def _download(ctx, wheel, sha256):
    ctx.report_progress("downloading SWIG")
    for argv in [
        # pip of a virtual environment: Debian's python3 has none of its own
        ["python3", "-m", "venv", ".venv"],
        [".venv/bin/python", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "download", "swig==" + _VERSION],
    ]:
        result = ctx.execute(argv, timeout = 600, quiet = True)
        if result.return_code != 0:
            fail(("polyrtc: SWIG %s cannot be downloaded from PyPI. Needed are the packages python3 and python3-venv, and a " +
                  "network connection to PyPI.\n%s failed:\n%s\n%s") % (_VERSION, " ".join(argv), result.stdout, result.stderr))
    path = ctx.path("download/" + wheel)
    if not path.exists:
        fail("polyrtc: pip brought another file of SWIG %s than %s" % (_VERSION, wheel))
    into_cache(ctx, path, wheel, sha256, extract = True)
    ctx.delete("download")
    ctx.delete(".venv")

def _swig_impl(ctx):
    machine = ctx.execute(["uname", "-m"]).stdout.strip()
    if machine not in _WHEELS:
        fail("polyrtc: no SWIG is known for the processor %s" % machine)
    wheel, sha256 = _WHEELS[machine]
    if not from_cache(ctx, wheel, sha256, extract = True):
        _download(ctx, wheel, sha256)
    result = ctx.execute(["sh", "-c", "mv swig/data data && chmod +x data/bin/swig"])
    if result.return_code != 0:
        fail(result.stderr)
    ctx.file("swig.sh", _WRAPPER)
    ctx.file("BUILD.bazel", _BUILD, executable = False)

swig_repository = repository_rule(implementation = _swig_impl)
