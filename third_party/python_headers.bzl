"""@python_headers: Python.h of the python3 of this machine, 3.11 or later.

The extension is built for the stable ABI (abi3), so it does not matter which version the headers are of.
"""

_PROBE = """
import os, sys, sysconfig
include = sysconfig.get_path("include")
print(include if sys.version_info >= (3, 11) and os.path.exists(os.path.join(include, "Python.h")) else "")
"""

_BUILD = """
cc_library(
    name = "python_headers",
    hdrs = glob(["include/**/*.h"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)
"""

def _python_headers_impl(ctx):
    include = ""

    # a python3 that comes first in PATH may be without headers where Debian's has them
    for python in [ctx.which("python3"), "/usr/bin/python3"]:
        if python and not include:
            result = ctx.execute([python, "-c", _PROBE])
            include = result.stdout.strip() if result.return_code == 0 else ""
    if not include:
        fail("polyrtc: no python3 (3.11 or later) with Python.h was found: install the package python3-dev")
    ctx.symlink(include, "include")
    ctx.file("BUILD.bazel", _BUILD, executable = False)

python_headers_repository = repository_rule(
    implementation = _python_headers_impl,
    configure = True,
    environ = ["PATH"],
)
