"""The notices that go along with whatever is linked with other people's libraries, made from the sources that were fetched.

    prtc_notices(
        name = "notices",
        deps = [":handle"],       # what is linked; a library of another repository without licence in LICENSES stops the build
    )
"""

load("//third_party:sources.bzl", "SOURCES")

# repository -> (what it is called, its terms in a word, its licence files)
LICENSES = {
    "boringssl": ("BoringSSL", "Apache-2.0; with arithmetic of fiat-crypto (Apache-2.0, MIT or BSD-1-Clause)", ["LICENSE"]),
    "cares": ("c-ares", "MIT", ["LICENSE.md"]),
    "libnice": ("libnice, its STUN codec", "MPL-1.1 or LGPL-2.1", ["COPYING", "COPYING.MPL", "COPYING.LGPL"]),
    "libsrtp2": ("libsrtp2", "BSD-3-Clause", ["LICENSE"]),
    "node_headers": ("node-addon-api and node-api-headers", "MIT", ["node-addon-api/LICENSE.md", "node-api-headers/LICENSE"]),
    "python_headers": None,  # declarations alone
    "usrsctp": ("usrsctp", "BSD-3-Clause", ["LICENSE.md"]),
    "zig": (
        "The run-time libraries of zig, libc++, libc++abi and libunwind",
        "MIT; Apache-2.0 with LLVM exceptions",
        ["ziglang/LICENSE", "ziglang/lib/libcxx/LICENSE.TXT", "ziglang/lib/libcxxabi/LICENSE.TXT", "ziglang/lib/libunwind/LICENSE.TXT"],
    ),
}

_HEAD = """polyrtc itself is under the BSD-3-Clause licence, in the file LICENSE. In its binaries are these libraries of others, each built from
the source that is named, with the changes that the folder third_party of polyrtc's sources holds; their own terms follow.
"""

def _impl(ctx):
    repositories = {}
    for dep in ctx.attr.deps:
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            repositories[linker_input.owner.workspace_name] = True
        for header in dep[CcInfo].compilation_context.headers.to_list():
            repositories[header.owner.workspace_name] = True
    for name in ctx.attr.more:
        repositories[name] = True

    files = {}
    for target in ctx.attr._licenses:
        for file in target.files.to_list():
            files["%s/%s" % (target.label.workspace_name, target.label.name)] = file
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    script = ["set -eu", "exec >%s" % out.path, "cat <<'END'\n%sEND" % _HEAD]
    inputs = []
    for name in sorted(repositories):
        if not name or name == "polyrtc":
            continue
        if name not in LICENSES:
            fail("%s links @%s, whose licence is not in third_party/notices.bzl" % (ctx.label, name))
        if not LICENSES[name]:
            continue
        title, terms, licenses = LICENSES[name]
        script.append("cat <<'END'\n\n%s\n%s: %s\nSource: %s\n%s\nEND" % ("=" * 100, title, terms, SOURCES[name], "=" * 100))
        for license in licenses:
            file = files["%s/%s" % (name, license)]
            inputs.append(file)
            script.append("printf '\\n---- %s\\n\\n'; cat %s" % (license, file.path))
    ctx.actions.run_shell(outputs = [out], inputs = inputs, command = "\n".join(script), mnemonic = "Notices")
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

# One text file of that name.
prtc_notices = rule(
    implementation = _impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "more": attr.string_list(doc = "repositories that are in it beside what deps tell: what a compiler adds"),
        "_licenses": attr.label_list(
            default = [
                Label("@%s//:%s" % (name, file))
                for name, entry in LICENSES.items()
                if entry
                for file in entry[2]
            ],
            allow_files = True,
        ),
    },
)
