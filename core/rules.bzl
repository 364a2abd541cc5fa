"""How the C code of polyrtc is built and tested.

The BUILD file of a layer, here core/stun:

    load("//core:rules.bzl", "prtc_layer_tests", "prtc_library")

    prtc_library(
        name = "stun",
        visibility = [                         # who may use it: what composes it, never a sibling layer
            "//core/ice:__pkg__",
            "//core/transport:__pkg__",
        ],
        deps = [
            "//core/base",
            "@libnice//:stun",
        ],
    )

    prtc_layer_tests(deps = [":stun"])         # each *_test.c and *_fuzz.c of this directory, with corpus/<name>/ for <name>_fuzz.c

Files include each other by their path ("core/stun/message.h"), and the public headers as <polyrtc/stun.h>.

    bazel test //core/stun/...                                the tests, and the fuzz targets over their corpus
    bazel test --config=asan //core/stun/...                  the same under AddressSanitizer and UBSan (also: tsan, debug)
    bazel run --config=fuzz //core/stun:message_fuzz -- -max_total_time=60 "$PWD/core/stun/corpus/message"
"""

# Every warning is an error: there is no other way to stay free of them.
_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wvla",
    "-Werror",
]

_COPTS = [
    "-std=c11",
    "-pedantic",
    "-fvisibility=hidden",
] + _WARNINGS

# LLVMFuzzerTestOneInput has no header that declares it; a fuzz target may be driven from nothing but its own file.
_FUZZ_COPTS = [
    "-UNDEBUG",
    "-Wno-missing-prototypes",
]

def _union(labels, more):
    return labels + [label for label in more if label not in labels]

def prtc_library(name, srcs = None, hdrs = None, deps = [], copts = [], visibility = [], **kwargs):
    """A C library of polyrtc. Without srcs and hdrs: all of the directory's .c files but for tests, and all of its .h files.

    It is linked whole (alwayslink), so that what it exports (PRTC_API) is in the shared library although nothing there calls it; the
    linker's --gc-sections takes away what nothing needs. Tests, and the top-level package which ships it, may see each layer.
    """
    native.cc_library(
        name = name,
        srcs = srcs if srcs != None else native.glob(
            ["*.c"],
            exclude = ["*_test.c", "*_fuzz.c"],
            allow_empty = True,
        ),
        hdrs = hdrs if hdrs != None else native.glob(["*.h"], allow_empty = True),
        alwayslink = kwargs.pop("alwayslink", True),
        copts = _COPTS + copts,
        linkstatic = True,
        visibility = _union(visibility, [
            "//:__pkg__",
            "//tests:__subpackages__",
        ]),
        deps = _union(deps, ["//core/include:polyrtc"]),
        **kwargs
    )

def prtc_test(name, srcs, deps = [], copts = [], **kwargs):
    """A unit test: a C program that exits 0 when all is well. Its assertions are on in every configuration."""
    native.cc_test(
        name = name,
        size = kwargs.pop("size", "small"),
        srcs = srcs,
        copts = _COPTS + ["-UNDEBUG"] + copts,
        linkstatic = True,
        deps = _union(deps, ["//core/include:polyrtc"]),
        **kwargs
    )

def prtc_fuzz_test(name, srcs, corpus = [], deps = [], copts = [], **kwargs):
    """A fuzz target: srcs define LLVMFuzzerTestOneInput.

    Normally it is a test that runs each file of the corpus once (and each prefix of the small ones); with --config=fuzz it is a
    libFuzzer program.
    """
    native.cc_test(
        name = name,
        size = kwargs.pop("size", "small"),
        srcs = srcs + select({
            "//core:fuzz": [],
            "//conditions:default": ["//tests/fuzz:main.c"],
        }),
        # libFuzzer gets what `bazel run` is given, and nothing else
        args = select({
            "//core:fuzz": [],
            "//conditions:default": ["$(rootpath %s)" % file for file in corpus],
        }),
        copts = _COPTS + _FUZZ_COPTS + copts,
        data = corpus,
        linkopts = select({
            "//core:fuzz": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        linkstatic = True,
        tags = kwargs.pop("tags", []) + ["fuzz"],
        deps = _union(deps, ["//core/include:polyrtc"]),
        **kwargs
    )

def prtc_layer_tests(deps, copts = [], data = []):
    """A prtc_test for each *_test.c of the directory, and a prtc_fuzz_test for each *_fuzz.c with the corpus beside it."""
    helpers = native.glob(["*_test.h"], allow_empty = True)
    for file in native.glob(["*_test.c"], allow_empty = True):
        prtc_test(
            name = file[:-len(".c")],
            srcs = [file] + helpers,
            copts = copts,
            data = data,
            deps = deps,
        )
    for file in native.glob(["*_fuzz.c"], allow_empty = True):
        prtc_fuzz_test(
            name = file[:-len(".c")],
            srcs = [file] + helpers,
            copts = copts,
            corpus = native.glob(["corpus/%s/**" % file[:-len("_fuzz.c")]], allow_empty = True),
            deps = deps,
        )
