"""A C/C++ toolchain of @zig (see zig.bzl), as Bazel wants it told."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")
load("@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "tool_path")

_COMPILE = [
    ACTION_NAMES.assemble,
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.preprocess_assemble,
]

_FLAGS = [
    "-O2",
    "-DNDEBUG",
    "-g0",  # without being asked, zig would tell debuggers all
    "-fno-sanitize=undefined",  # which zig turns on by itself
    "-no-canonical-prefixes",
    # the same bytes each time
    "-Wno-builtin-macro-redefined",
    '-D__DATE__="redacted"',
    '-D__TIME__="redacted"',
    '-D__TIMESTAMP__="redacted"',
]

_NOT_THERE = ["cpp", "dwp", "gcov", "nm", "objdump", "strip"]

def _config_impl(ctx):
    folder = ctx.attr.folder
    tools = {"ar": folder + "/ar", "gcc": folder + "/cc", "ld": folder + "/cc", "objcopy": folder + "/objcopy"}
    tools.update({name: "/bin/false" for name in _NOT_THERE})
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        abi_libc_version = "unknown",
        abi_version = "unknown",
        compiler = "clang",
        cxx_builtin_include_directories = ["/zig/lib"],  # as the wrapper of cc calls it
        features = [
            feature(name = "supports_pic", enabled = True),
            feature(name = "default_flags", enabled = True, flag_sets = [
                flag_set(actions = _COMPILE, flag_groups = [flag_group(flags = _FLAGS)]),
            ]),
        ],
        host_system_name = "local",
        target_cpu = ctx.attr.cpu,
        target_libc = "unknown",
        target_system_name = folder,
        tool_paths = [tool_path(name = name, path = path) for name, path in tools.items()],
        toolchain_identifier = "zig-" + folder,
    )

_config = rule(
    implementation = _config_impl,
    attrs = {"cpu": attr.string(mandatory = True), "folder": attr.string(mandatory = True)},
    provides = [CcToolchainConfigInfo],
)

def zig_toolchain(name, cpu):
    """A cc_toolchain_suite: for --crosstool_top.

    Args:
      name: of the suite, and of the folder with the tools
      cpu: what --cpu says
    """
    files = name + "_tools"
    native.filegroup(name = files, srcs = native.glob([name + "/*"]))
    _config(name = name + "_config", cpu = cpu, folder = name)
    native.cc_toolchain(
        name = name + "_cc",
        all_files = files,
        ar_files = files,
        as_files = files,
        compiler_files = files,
        dwp_files = files,
        linker_files = files,
        objcopy_files = files,
        strip_files = files,
        supports_param_files = 1,
        toolchain_config = name + "_config",
    )
    native.cc_toolchain_suite(
        name = name,
        toolchains = {cpu: name + "_cc", cpu + "|clang": name + "_cc"},
    )
