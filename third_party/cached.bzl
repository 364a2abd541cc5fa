"""Files that a package manager brings (apt, pip, npm), pinned by SHA-256 and kept in Bazel's repository cache.

The managers know from which archive this machine gets its packages; Bazel's cache makes the network needless afterwards, also for a second
checkout or after `bazel clean --expunge`.
"""

def from_cache(ctx, name, sha256, extract = False):
    """Takes the file `name` out of the cache.

    Args:
      ctx: of the repository rule
      name: where to put the file
      sha256: the file's
      extract: unpack it instead, as a zip file (a Python wheel) or a .tgz

    Returns:
      False when the cache does not have it.
    """

    # without an address only the cache can answer
    return _get(ctx, [], name, sha256, extract, allow_fail = True).success

def into_cache(ctx, path, name, sha256, extract = False):
    """Takes the file at `path`, checks its hash (which fails the build when it is another) and puts it into the cache, too."""
    _get(ctx, ["file://%s" % path], name, sha256, extract, allow_fail = False)

def _get(ctx, urls, name, sha256, extract, allow_fail):
    if extract:
        return ctx.download_and_extract(
            url = urls,
            sha256 = sha256,
            type = "zip" if name.endswith(".whl") else "tar.gz",
            allow_fail = allow_fail,
        )
    return ctx.download(url = urls, output = name, sha256 = sha256, allow_fail = allow_fail)
