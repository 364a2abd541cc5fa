"""Pinned Debian source packages as external repositories.

Two steps, so that a change of an overlay (a BUILD file, a patch) does not download again:

  debian_archives  one repository with the files of all packages, as they are downloaded. They come from the archive that
                   this machine's own apt is configured with, through an apt state inside the repository: nothing of the
                   machine's apt changes, and no root is needed
  debian_source    one package unpacked, patched, with our BUILD file laid over it.
"""

load("//third_party:cached.bzl", "from_cache", "into_cache")

_HELP = "\n".join([
    "",
    "polyrtc: %s",
    "  The sources of the libraries under polyrtc are Debian source packages. Needed are: a Debian (12 or later) machine",
    "  with a `bookworm` entry in its apt sources, a network connection to that archive, and the package dpkg-dev.",
    "  Check with: apt-get update && apt-get install dpkg-dev",
    "%s",
])

def _stop(what, result = None):
    output = ""
    if result:
        output = (result.stdout + "\n" + result.stderr).strip()
    fail(_HELP % (what, output))

def _run(ctx, argv, what, env = {}):
    result = ctx.execute(argv, environment = env, timeout = 900, quiet = True)
    if result.return_code != 0:
        _stop(what, result)
    return result.stdout

def _private_apt(ctx):
    """Writes an apt configuration below .apt with the deb-src lines that match this machine's deb lines."""
    apt = str(ctx.path(".apt"))
    targets = _run(
        ctx,
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages"],
        "apt-get cannot be run",
    )
    lines = []
    for target in targets.splitlines():
        uri, release, component = target.split("|")
        if component == "main" and release.startswith(ctx.attr.release):
            line = "deb-src [signed-by=%s] %s %s main" % (ctx.attr.keyring, uri, release)
            if line not in lines:
                lines.append(line)
    if not lines:
        _stop("this machine's apt sources have no entry for the main component of %s" % ctx.attr.release)
    ctx.file(".apt/sources.list", "\n".join(lines) + "\n", executable = False)
    ctx.file(".apt/status", "", executable = False)
    ctx.file(".apt/apt.conf", "\n".join([
        'Dir::Etc::SourceList "%s/sources.list";' % apt,
        'Dir::Etc::SourceParts "/dev/null";',
        'Dir::State::lists "%s/lists";' % apt,
        'Dir::State::status "%s/status";' % apt,
        'Dir::Cache "%s/cache";' % apt,
        'Dir::Cache::pkgcache "";',
        'Dir::Cache::srcpkgcache "";',
        'Dir::Log "%s/log";' % apt,
        # apt's own user may not enter the directory of whoever runs the build
        'APT::Sandbox::User "root";',
        'Acquire::Languages "none";',
        'Acquire::Retries "3";',
    ]) + "\n", executable = False)
    _run(
        ctx,
        ["mkdir", "-p", apt + "/lists/partial", apt + "/cache/archives/partial", apt + "/log", apt + "/download"],
        "a directory cannot be made",
    )
    return apt

def _debian_archives_impl(ctx):
    missing = {}
    for package, files in ctx.attr.files.items():
        for line in files:
            sha256, name = line.split("  ")
            if not from_cache(ctx, name, sha256):
                missing[package] = True
    if missing:
        ctx.report_progress("downloading the sources of " + ", ".join(sorted(missing)))
        apt = _private_apt(ctx)
        env = {"APT_CONFIG": apt + "/apt.conf", "LC_ALL": "C"}

        # otherwise apt takes a network that is not there for a small matter
        update = ["apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update"]
        _run(ctx, update, "the package lists cannot be downloaded", env)
        for package in sorted(missing):
            _run(
                ctx,
                ["sh", "-c", 'cd "$1" && exec apt-get -qq source --only-source --download-only "$2"', "sh", apt + "/download", package],
                "the source package %s cannot be downloaded" % package,
                env,
            )
            for line in ctx.attr.files[package]:
                sha256, name = line.split("  ")
                path = "%s/download/%s" % (apt, name)
                if not ctx.path(path).exists:
                    _stop("%s did not bring the file %s" % (package, name))

                into_cache(ctx, path, name, sha256)
        ctx.delete(".apt")
    ctx.file("WORKSPACE", 'workspace(name = "%s")\n' % ctx.name, executable = False)
    ctx.file("BUILD.bazel", "# Only what debian_source unpacks: nothing to build.\n", executable = False)

debian_archives = repository_rule(
    implementation = _debian_archives_impl,
    attrs = {
        "files": attr.string_list_dict(
            mandatory = True,
            doc = "package=version -> lines as sha256sum writes them, of each file of the source package",
        ),
        "release": attr.string(default = "bookworm"),
        "keyring": attr.string(default = "/usr/share/keyrings/debian-archive-keyring.gpg"),
    },
)

def _debian_source_impl(ctx):
    dsc = ctx.path(ctx.attr.dsc)
    if not ctx.which("dpkg-source"):
        _stop("the command dpkg-source is missing")
    _run(
        ctx,
        ["dpkg-source", "-q", "--no-check", "-x", str(dsc), str(ctx.path(".unpacked"))],
        "%s cannot be unpacked" % dsc,
        {"LC_ALL": "C"},
    )

    # The package's own BUILD files would shadow ours.
    _run(ctx, ["sh", "-c", """
        set -e
        cd "$1"
        find .unpacked -type f \\( -name BUILD -o -name BUILD.bazel -o -name WORKSPACE -o -name WORKSPACE.bazel \\) -delete
        find .unpacked -mindepth 1 -maxdepth 1 -exec mv -t . {} +
        rmdir .unpacked
    """, "sh", str(ctx.path("."))], "the sources cannot be moved into place")
    for patch in ctx.attr.patches:
        ctx.patch(patch, strip = 1)
    ctx.file("WORKSPACE", 'workspace(name = "%s")\n' % ctx.name, executable = False)
    ctx.symlink(ctx.attr.build_file, "BUILD.bazel")
    for label, destination in ctx.attr.extra_files.items():
        ctx.delete(destination)
        ctx.symlink(label, destination)

debian_source = repository_rule(
    implementation = _debian_source_impl,
    attrs = {
        "dsc": attr.label(mandatory = True, allow_single_file = True),
        "build_file": attr.label(mandatory = True, allow_single_file = True),
        "patches": attr.label_list(doc = "each file of a patch needs a `diff --git a/x b/x` line for Bazel's patcher"),
        "extra_files": attr.label_keyed_string_dict(allow_files = True, doc = "files of ours, to add or to put in place of one"),
    },
)
