"""Versions and hashes of the libraries that polyrtc is built on."""

load("//third_party:crate_source.bzl", "crate_source")
load("//third_party:debian_source.bzl", "debian_archives", "debian_source")
load("//third_party:node_headers.bzl", "NODE_PACKAGES")
load("//third_party:zig.bzl", "ZIG_VERSION")

_FILES = {
    "c-ares=1.18.1-3": [
        "91d95bb080e4cd1d0d507f4693496e323a593f6611161361fd76735292bda6b6  c-ares_1.18.1-3.dsc",
        "1a7d52a8a84a9fbffb1be9133c0f6e17217d91ea5a6fa61f6b4729cda78ebbcf  c-ares_1.18.1.orig.tar.gz",
        "e5a8a7bb13f77833b3cbce1865d2521e07e7b8011eda414fc8934f4b816e5523  c-ares_1.18.1.orig.tar.gz.asc",
        "15d38a23182dc143c655b0225d21baa291a2be17435c8a7f427189e3e314fac9  c-ares_1.18.1-3.debian.tar.xz",
    ],
    "libnice=0.1.21-1": [
        "b6e6908b2a6d482176e9522653b2240e768c0d46207ff596bc6e98cf0f14b591  libnice_0.1.21-1.dsc",
        "72e73a2acf20f59093e21d5601606e405873503eb35f346fa621de23e99b3b39  libnice_0.1.21.orig.tar.gz",
        "d2dcc1011b2d675c7a189049da5f1d48acb0bd4bcc1100ca7af4fd9021c605fd  libnice_0.1.21-1.debian.tar.xz",
    ],
    "libsrtp2=2.5.0-3": [
        "3b77c17dc1cf3135fbdaaf4cb0c5f4ae69793dd4cea63b9e466286e7687c861e  libsrtp2_2.5.0-3.dsc",
        "8a43ef8e9ae2b665292591af62aa1a4ae41e468b6d98d8258f91478735da4e09  libsrtp2_2.5.0.orig.tar.gz",
        "3a3cafa12033d32cd0d5ad4d78f102bc6d998f7d67a17f262c436d0734865af4  libsrtp2_2.5.0-3.debian.tar.xz",
    ],
    "libusrsctp=0.9.5.0-2": [
        "fdf19f731612b462c4d0ed8a0cf75618970161e97a4e414c766e982250b4364c  libusrsctp_0.9.5.0-2.dsc",
        "260107caf318650a57a8caa593550e39bca6943e93f970c80d6c17e59d62cd92  libusrsctp_0.9.5.0.orig.tar.gz",
        "4b7b108eecf70c05d90222a3cb882113d8366a673dac23c8b7d31d5aeee086c6  libusrsctp_0.9.5.0-2.debian.tar.xz",
    ],
}

_CRATE = ("boring-sys", "5.4.0")

# repository -> where its sources come from, as the notices tell
SOURCES = {
    "boringssl": "deps/boringssl in the crate %s %s of crates.io" % _CRATE,
    "cares": "Debian's source package c-ares 1.18.1-3",
    "libnice": "the folder stun in Debian's source package libnice 0.1.21-1",
    "libsrtp2": "Debian's source package libsrtp2 2.5.0-3",
    "node_headers": "npm's packages " + " and ".join(NODE_PACKAGES),
    "usrsctp": "Debian's source package libusrsctp 0.9.5.0-2",
    "zig": "PyPI's package ziglang " + ZIG_VERSION,
}

def polyrtc_sources():
    """Defines @boringssl, @cares, @libnice, @libsrtp2 and @usrsctp. Nothing is downloaded before it is needed."""
    debian_archives(
        name = "debian",
        files = _FILES,
    )
    # Debian's BoringSSL is of 2022.
    crate_source(
        name = "boringssl",
        build_file = "//third_party:boringssl.BUILD",
        crate = _CRATE[0],
        directory = "deps/boringssl",
        extra_files = {
            "//third_party:boringssl_random.cc": "polyrtc/random.cc",
            "//third_party:boringssl_cxx.c": "polyrtc/cxx.c",
        },
        patches = [
            "//third_party:boringssl-delete.patch",
            "//third_party:boringssl-rand.patch",
        ],
        sha256 = "4986392770df40d11d0d6294b0dd8399570f4a6e76d6953c7a34f7dd1defbd76",
        version = _CRATE[1],
    )
    debian_source(
        name = "cares",
        dsc = "@debian//:c-ares_1.18.1-3.dsc",
        build_file = "//third_party:cares.BUILD",
        extra_files = {
            "//third_party:cares_build.h": "include/ares_build.h",
            "//third_party:cares_config.h": "polyrtc/ares_config.h",
        },
    )
    debian_source(
        name = "libnice",
        dsc = "@debian//:libnice_0.1.21-1.dsc",
        build_file = "//third_party:libnice.BUILD",
    )
    debian_source(
        name = "libsrtp2",
        dsc = "@debian//:libsrtp2_2.5.0-3.dsc",
        build_file = "//third_party:libsrtp2.BUILD",
        extra_files = {"//third_party:libsrtp2_config.h": "polyrtc/config.h"},
    )
    debian_source(
        name = "usrsctp",
        dsc = "@debian//:libusrsctp_0.9.5.0-2.dsc",
        build_file = "//third_party:usrsctp.BUILD",
        patches = [
            "//third_party:usrsctp-abandoned.patch",
            "//third_party:usrsctp-interleaving.patch",
            "//third_party:usrsctp-rto.patch",
            "//third_party:usrsctp-unordered.patch",
            "//third_party:usrsctp-window.patch",
            "//third_party:usrsctp-order.patch",
            "//third_party:usrsctp-count.patch",
            "//third_party:usrsctp-skipped.patch",
            "//third_party:usrsctp-notifications.patch",
            "//third_party:usrsctp-streams.patch",
            "//third_party:usrsctp-full.patch",
            "//third_party:usrsctp-output.patch",
            "//third_party:usrsctp-distance.patch",
            "//third_party:usrsctp-mbuf.patch",
            "//third_party:usrsctp-heartbeat.patch",
        ],
    )
