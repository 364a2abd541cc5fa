"""What is shipped: files of this repository, and native modules that zig has compiled for each platform that they are for.

    prtc_package(
        name = "wheel",                        # a folder of this name, in which the packer has put what it made
        native = ["//bindings:python"],        # built once for each of the platforms
        notices = "//bindings:python_notices",
        packer = "wheel.py",                   # OUT --version=… --notices=… --license=… --native=PLATFORM=FILE… --file=FILE…
        platforms = ["linux_x86_64"],          # of third_party/zig.bzl
        srcs = [...],
    )

Whatever --config or compiler the rest is built with, these modules are the same.
"""

load("//third_party:zig.bzl", "ZIG_TARGETS")

def _platforms_impl(_settings, attr):
    return {
        name: {
            "//command_line_option:compiler": "clang",
            "//command_line_option:cpu": ZIG_TARGETS[name][1],
            "//command_line_option:crosstool_top": "@zig//:" + name,
            "//command_line_option:platforms": "//third_party:" + name.replace("_musl", ""),
        }
        for name in attr.platforms
    }

_platforms = transition(
    implementation = _platforms_impl,
    inputs = [],
    outputs = ["//command_line_option:" + name for name in ["compiler", "cpu", "crosstool_top", "platforms"]],
)

def _package_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    inputs = [ctx.file.packer, ctx.file._version, ctx.file._license, ctx.file.notices]
    arguments = ctx.actions.args()
    arguments.add(ctx.file.packer)
    arguments.add(out.path)
    arguments.add(ctx.file._version, format = "--version=%s")
    arguments.add(ctx.file._license, format = "--license=%s")
    arguments.add(ctx.file.notices, format = "--notices=%s")
    for platform, targets in ctx.split_attr.native.items():
        for target in targets:
            inputs += target.files.to_list()
            arguments.add_all(target.files, format_each = "--native=%s=%%s" % platform)
    arguments.add_all(ctx.files.srcs, format_each = "--file=%s")
    ctx.actions.run(
        executable = "python3",
        arguments = [arguments],
        inputs = inputs + ctx.files.srcs + ctx.files._tools,
        outputs = [out],
        use_default_shell_env = True,  # PATH
        mnemonic = "Package",
        progress_message = "Packing %s" % ctx.label,
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

prtc_package = rule(
    implementation = _package_impl,
    attrs = {
        "native": attr.label_list(allow_files = True, cfg = _platforms, mandatory = True),
        "notices": attr.label(allow_single_file = True, mandatory = True),
        "packer": attr.label(allow_single_file = True, mandatory = True),
        "platforms": attr.string_list(mandatory = True),
        "srcs": attr.label_list(allow_files = True),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
        "_license": attr.label(default = "//:LICENSE", allow_single_file = True),
        "_tools": attr.label(default = "//bindings:packing.py", allow_single_file = True),
        "_version": attr.label(default = "//core/include:polyrtc/types.h", allow_single_file = True),
    },
)
