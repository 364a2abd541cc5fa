"""Sources of a library that crates.io carries inside a Rust crate, as an external repository. Nothing of Rust is used."""

load("//third_party:cached.bzl", "from_cache", "into_cache")

def _crate_source_impl(ctx):
    crate = "%s-%s" % (ctx.attr.crate, ctx.attr.version)
    file = crate + ".tar.gz"  # which is what a crate is
    if not from_cache(ctx, file, ctx.attr.sha256, extract = True):
        ctx.report_progress("downloading " + crate)
        url = "https://static.crates.io/crates/%s/%s.crate" % (ctx.attr.crate, crate)
        archive = ctx.path(".downloaded.tar.gz")
        result = ctx.execute(
            ["curl", "--fail", "--silent", "--show-error", "--location", "--retry", "3", "--output", archive, url],
            timeout = 900,
            quiet = True,
        )
        if result.return_code != 0:
            fail("polyrtc: %s cannot be downloaded. Needed are the package curl and a network connection to crates.io.\n%s" %
                 (url, result.stderr))
        into_cache(ctx, archive, file, ctx.attr.sha256, extract = True)
        ctx.delete(archive)

    # Its own BUILD files would shadow ours.
    result = ctx.execute(["sh", "-c", """
        set -e
        mv "$1" .unpacked
        find .unpacked -type f \\( -name BUILD -o -name BUILD.bazel -o -name WORKSPACE -o -name WORKSPACE.bazel \\) -delete
        find .unpacked -mindepth 1 -maxdepth 1 -exec mv -t . {} +
        rm -r .unpacked "$2"
    """, "sh", "%s/%s" % (crate, ctx.attr.directory), crate])
    if result.return_code != 0:
        fail("polyrtc: the sources of %s cannot be moved into place: %s" % (crate, result.stderr))
    for patch in ctx.attr.patches:
        ctx.patch(patch, strip = 1)
    ctx.file("WORKSPACE", 'workspace(name = "%s")\n' % ctx.name, executable = False)
    ctx.symlink(ctx.attr.build_file, "BUILD.bazel")
    for label, destination in ctx.attr.extra_files.items():
        ctx.delete(destination)
        ctx.symlink(label, destination)

crate_source = repository_rule(
    implementation = _crate_source_impl,
    attrs = {
        "crate": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
        "sha256": attr.string(mandatory = True),
        "directory": attr.string(mandatory = True, doc = "where in the crate the library is"),
        "build_file": attr.label(mandatory = True, allow_single_file = True),
        "patches": attr.label_list(doc = "each file of a patch needs a `diff --git a/x b/x` line for Bazel's patcher"),
        "extra_files": attr.label_keyed_string_dict(allow_files = True, doc = "files of ours, to add or to put in place of one"),
    },
)
