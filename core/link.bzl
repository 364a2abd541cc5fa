"""Linking polyrtc into one file: an archive for static users, and a link map for the tests of what is inside."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

# How a shared object of polyrtc is linked: only prtc_* visible, nothing undefined, nothing writable that need not be, and no
# host program (CPython and Node carry an OpenSSL of their own) can put its symbols in front of ours.
SHARED_LINKOPTS = [
    "-Wl,--gc-sections",
    "-Wl,-z,defs",
    "-Wl,-z,relro,-z,now",
    "-Wl,-Bsymbolic",
]

def _archives(deps):
    """The archives of deps and of all that they need, as (linked whole, linked on demand)."""
    whole, on_demand = [], []
    for dep in deps:
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            for library in linker_input.libraries:
                archive = library.pic_static_library or library.static_library
                if not archive:
                    fail("%s is not linked statically" % linker_input.owner)
                kind = whole if library.alwayslink else on_demand
                if archive not in kind:
                    kind.append(archive)
    return whole, on_demand

def _whole_first(whole, on_demand):
    return (["-Wl,--whole-archive"] + [f.path for f in whole] + ["-Wl,--no-whole-archive", "-Wl,--start-group"] +
            [f.path for f in on_demand] + ["-Wl,--end-group"])

def _static_archive_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    whole, on_demand = _archives(ctx.attr.deps)
    out = ctx.actions.declare_file(ctx.attr.out)
    ctx.actions.run_shell(
        outputs = [out],
        inputs = depset(whole + on_demand, transitive = [toolchain.all_files]),
        command = """
            set -eu
            object="$1.o"
            "$2" -r -nostdlib -o "$object" {archives}
            "$3" --localize-hidden --wildcard --keep-global-symbol='prtc_*' "$object"
            "$3" --wildcard {globals} "$object"
            rm -f "$1"
            "$4" rcsD "$1" "$object"
            rm "$object"
        """.format(
            archives = " ".join(["'%s'" % f for f in _whole_first(whole, on_demand)]),
            globals = " ".join(["--globalize-symbol='%s'" % name for name in ctx.attr.hidden_globals]),
        ),
        arguments = [out.path, toolchain.compiler_executable, toolchain.objcopy_executable, toolchain.ar_executable],
        use_default_shell_env = True,  # PATH, for the linker
        mnemonic = "StaticArchive",
        progress_message = "Merging %s" % out.short_path,
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

# One archive with one object, in which only prtc_* is global: for cgo, and for others who link statically and may have a
# BoringSSL or OpenSSL of their own. They also need -lm and -lpthread.
prtc_static_archive = rule(
    implementation = _static_archive_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "hidden_globals": attr.string_list(doc = "names that are hidden in a shared object, but wanted here (may hold *)"),
        "out": attr.string(mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def _link_map_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    whole, on_demand = _archives(ctx.attr.deps)
    link_map = ctx.actions.declare_file(ctx.label.name + ".map")
    ctx.actions.run_shell(
        outputs = [link_map],
        inputs = depset(whole + on_demand + [ctx.file.exports], transitive = [toolchain.all_files]),
        # ld and not gold: their maps differ, and ld's says what --gc-sections threw away
        command = """
            set -eu
            "$2" -shared -fuse-ld=bfd -o "$1.so" "-Wl,-Map=$1" -Wl,--gc-sections "-Wl,--version-script=$3" {archives} -lm
            rm "$1.so"
        """.format(archives = " ".join(["'%s'" % f for f in _whole_first(whole, on_demand)])),
        arguments = [link_map.path, toolchain.compiler_executable, ctx.file.exports.path],
        use_default_shell_env = True,  # PATH, for the linker
        mnemonic = "LinkMap",
        progress_message = "Linking for a map of %s" % ctx.label,
    )
    files = depset([link_map] + whole + on_demand)
    return [DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files))]

# The map of a shared object made of deps, with the archives that it speaks of.
prtc_link_map = rule(
    implementation = _link_map_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "exports": attr.label(default = "//core:exports.lds", allow_single_file = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
