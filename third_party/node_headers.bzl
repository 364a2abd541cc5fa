"""@node_headers: what a Node add-on includes, from npm: node_api.h (C) and napi.h (C++). Node itself is not needed to build."""

load("//third_party:cached.bzl", "from_cache", "into_cache")

# package@version -> SHA-256 of its file
NODE_PACKAGES = {
    "node-addon-api@8.9.2": "4cd65698541b19a33f798f1dc25c02c6ed1c9d7749b8824b1a1ccecdd197c8ea",
    "node-api-headers@1.9.0": "6cbfac49542194ae2c8f1dee5fa2dc00d66bec9cbf3b59e3a4e5f16d14eb0d19",
}

_BUILD = """
exports_files(glob(["*/LICENSE*"]))

cc_library(
    name = "node_headers",
    hdrs = glob(["*/include/*.h", "*/*.h"]),
    includes = ["node-addon-api", "node-api-headers/include"],
    visibility = ["//visibility:public"],
)
"""

def _node_headers_impl(ctx):
    for package, sha256 in NODE_PACKAGES.items():
        name = package.split("@")[0]
        file = package.replace("@", "-") + ".tgz"
        if not from_cache(ctx, file, sha256, extract = True):
            ctx.report_progress("downloading " + package)
            result = ctx.execute(["npm", "pack", "--silent", "--ignore-scripts", package], timeout = 600, quiet = True)
            if result.return_code != 0:
                fail(("polyrtc: %s cannot be downloaded from npm. Needed are npm (the packages nodejs and npm) and a network " +
                      "connection to its registry.\n%s\n%s") % (package, result.stdout, result.stderr))
            archive = ctx.path(".downloaded-" + file)
            result = ctx.execute(["mv", file, archive])
            if result.return_code != 0:
                fail("polyrtc: npm brought another file than %s" % file)
            into_cache(ctx, archive, file, sha256, extract = True)
            ctx.delete(archive)

        # every npm archive holds one directory of this name
        result = ctx.execute(["mv", "package", name])
        if result.return_code != 0:
            fail(result.stderr)
    ctx.file("BUILD.bazel", _BUILD, executable = False)

node_headers_repository = repository_rule(implementation = _node_headers_impl)
