"""The wheel as a rule, because a genrule cannot have a folder as its output."""

def _wheel_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    licenses = {name: target.files.to_list()[0] for target, name in ctx.attr.licenses.items()}
    arguments = ctx.actions.args()
    arguments.add(ctx.file._tool)
    arguments.add(out.path)
    arguments.add_all(ctx.files.srcs)
    arguments.add_all(["--license=%s=%s" % (name, file.path) for name, file in licenses.items()])
    ctx.actions.run(
        executable = "python3",
        arguments = [arguments],
        inputs = ctx.files.srcs + licenses.values() + [ctx.file._tool],
        outputs = [out],
        use_default_shell_env = True,  # PATH
        mnemonic = "Wheel",
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

# A folder with one wheel in it, whose name follows from its contents.
wheel = rule(
    implementation = _wheel_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True),
        "licenses": attr.label_keyed_string_dict(allow_files = True, doc = "file -> name in the wheel"),
        "_tool": attr.label(default = "//python:wheel.py", allow_single_file = True),
    },
)
