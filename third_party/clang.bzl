"""@clang: a C/C++ toolchain around the clang of this machine, beside Bazel's own (gcc).

Bazel can configure one compiler by itself (CC); switching CC between configurations would configure it anew each time.
"""

load("@bazel_tools//tools/cpp:cc_configure.bzl", "cc_autoconf_impl")

def _clang_toolchain_impl(ctx):
    clang = ctx.which("clang")
    if not clang:
        fail("--config=asan, tsan and fuzz need clang: install the packages clang and libclang-rt-14-dev")
    cc_autoconf_impl(ctx, overriden_tools = {"gcc": str(clang)})

clang_toolchain = repository_rule(
    implementation = _clang_toolchain_impl,
    configure = True,
    environ = ["BAZEL_LINKLIBS", "BAZEL_LINKOPTS", "PATH"],
)
