#!/usr/bin/env python3
"""headers_test LIBPOLYRTC.SO HEADER…: each public header compiles alone, as C11 and as C++, without a warning; and what they declare
is what the library exports.

SPDX-License-Identifier: BSD-3-Clause
"""

import os
import re
import subprocess
import sys

LANGUAGES = {
    "C11": ["-x", "c", "-std=c11"],
    "C++11": ["-x", "c++", "-std=c++11"],
}


def compiles(header, folders):
    """The header included as a user does, twice, in a file that includes nothing else."""
    name = "polyrtc/" + os.path.basename(header)
    source = "#include <%s>\n#include <%s>\n" % (name, name)
    include = ["-I" + folder for folder in folders]
    good = True
    for language, options in LANGUAGES.items():
        result = subprocess.run(
            ["cc", *options, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", *include, "-"],
            input=source,
            text=True,
            capture_output=True,
        )
        if result.returncode != 0:
            print("%s does not compile alone as %s:\n%s" % (name, language, result.stderr))
            good = False
    return good


def declared(header):
    with open(header) as file:
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read(), flags=re.S)
    text = re.sub(r"^\s*#.*?(?<!\\)$", "", text, flags=re.M | re.S)
    return re.findall(r"\bPRTC_API\b[^;]*?\b(prtc_\w+)\s*\(", text)


def exported(library):
    output = subprocess.run(
        ["nm", "-D", "--defined-only", "--extern-only", library], check=True, capture_output=True, text=True
    ).stdout
    return {line.split()[2] for line in output.splitlines()}


def main():
    library = sys.argv[1]
    headers = sys.argv[2:]
    folders = sorted({os.path.dirname(os.path.dirname(header)) for header in headers})
    good = all([compiles(header, folders) for header in headers])

    where = {}
    for header in headers:
        for name in declared(header):
            if name in where:
                print("%s is declared in %s and in %s" % (name, where[name], header))
                good = False
            where[name] = header
    names = exported(library)
    for name in sorted(set(where) - names):
        print("%s declares %s, but the library does not export it" % (where[name], name))
        good = False
    for name in sorted(names - set(where)):
        print("the library exports %s, but no public header declares it" % name)
        good = False
    if not good:
        sys.exit(1)
    print("%d headers, %d functions" % (len(headers), len(where)))


if __name__ == "__main__":
    main()
