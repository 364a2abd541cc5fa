"""Libraries of this machine, found by pkg-config: for the examples of event loops alone. What is shipped needs none of them.

    system_library(name = "libuv", module = "libuv", package = "libuv1-dev")       makes @libuv
"""

_BUILD = """
cc_library(
    name = "{name}",
    hdrs = glob(["*/**/*.h"], allow_empty = True),
    includes = {includes},
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
)
"""

# One that is missing fails only who wants to build with it.
_MISSING = """
genrule(
    name = "{name}",
    outs = ["missing.h"],
    cmd = "echo 'polyrtc: {module} was not found by pkg-config: install the packages pkg-config and {package}' >&2; exit 1",
    visibility = ["//visibility:public"],
)
"""

def _system_library_impl(ctx):
    found = {}
    for flags in ["--cflags-only-I", "--libs"]:
        result = ctx.execute(["sh", "-c", "pkg-config %s %s" % (flags, ctx.attr.module)])
        if result.return_code != 0:
            build = _MISSING.format(name = ctx.name, module = ctx.attr.module, package = ctx.attr.package)
            ctx.file("BUILD.bazel", build, executable = False)
            return
        found[flags] = [flag for flag in result.stdout.strip().split(" ") if flag]
    includes = []
    for flag in found["--cflags-only-I"]:
        includes.append("include%d" % len(includes))
        ctx.symlink(flag[len("-I"):], includes[-1])
    build = _BUILD.format(name = ctx.name, includes = includes, linkopts = found["--libs"])
    ctx.file("BUILD.bazel", build, executable = False)

system_library = repository_rule(
    implementation = _system_library_impl,
    attrs = {
        "module": attr.string(mandatory = True),
        "package": attr.string(mandatory = True),
    },
    configure = True,
    environ = ["PATH", "PKG_CONFIG_PATH"],
    local = True,
)
