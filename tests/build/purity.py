"""What object files refer to and hold, against a list of what they may: the check behind purity_test.

The core takes bytes and time and gives bytes, deadlines and events. So none of its objects, and nothing that is linked for it
from the libraries below it, may refer to a function of the C library outside HARMLESS, or hold a variable that can be written.
Each exception is a line of the allow-list, with its reason; a line that no longer applies is an error as well.

Looked at are the objects themselves (objdump) and not the source: an inlined header or a macro cannot hide anything. Of the
core, all of each object counts; of the libraries, the sections that the linker keeps, as its map tells.

SPDX-License-Identifier: BSD-3-Clause
"""

import collections
import fnmatch
import re
import subprocess

# Functions of bytes, strings (snprintf writes into a buffer), numbers and the heap; and what the compiler itself adds.
HARMLESS = set("""
    memchr memcmp memcpy memmove memset strchr strcmp strcspn strlen strncmp strnlen strpbrk strrchr strspn strstr
    snprintf vsnprintf __snprintf_chk __vsnprintf_chk
    __memcpy_chk __memmove_chk __memset_chk
    malloc calloc realloc free abort qsort bsearch
    ceil cos exp fabs floor fmax fmin fmod ldexp log log10 log2 lround pow round sin sqrt trunc
    __stack_chk_fail __tls_get_addr _GLOBAL_OFFSET_TABLE_
    __assert_fail
""".split())

WRITABLE = re.compile(r"\.(data|bss|tdata|tbss|ldata|lbss)(\.|$)")
READ_ONLY_AFTER_LOADING = re.compile(r"\.data\.rel\.ro(\.|$)")
RUNS_WHEN_LOADED = re.compile(r"\.(init_array|preinit_array|ctors|fini_array|dtors)(\.|$)")

Finding = collections.namedtuple("Finding", "object symbol kind")


def object_name(archive, member):
    """core/base/context for …/bin/core/base/libbase.pic.lo(context.pic.o); boringssl/mem for …/external/boringssl/…(mem.pic.o)"""
    folder = archive.split("/bin/", 1)[-1].rsplit("/", 1)[0]
    folder = re.sub(r"^external/([^/]+).*", r"\1", folder)
    return folder + "/" + re.sub(r"(\.pic)?\.o$", "", member)


def is_library(archive):
    return "/external/" in archive or archive.startswith("external/")


def kept_sections(link_map):
    """(object, section) of all that the linker kept, from the map that GNU ld writes."""
    text = link_map.split("Linker script and memory map", 1)[1]
    kept = set()
    for section, size, archive, member in re.findall(
        r"^ (\.?[\w.$]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S+)\(([^)]+)\)$", text, re.M
    ):
        if int(size, 16) > 0:
            kept.add((object_name(archive, member), section))
    return kept


class Object:
    def __init__(self, name, library):
        self.name = name
        self.library = library
        self.sections = {}  # name -> size, of all but the empty ones
        self.symbols = []  # (section, name); section *UND* when another object is to define it
        self.defined = set()  # names that other objects may use
        self.references = set()  # (section, name)


def read_objects(archive):
    dump = subprocess.run(["objdump", "-h", "-t", "-r", "-w", archive], check=True, capture_output=True, text=True).stdout
    objects = []
    section = None
    for line in dump.splitlines():
        if match := re.match(r"(\S+):\s+file format", line):
            objects.append(Object(object_name(archive, match[1]), is_library(archive)))
        elif match := re.match(r"\s*\d+ (\.\S+)\s+([0-9a-f]+)\s", line):
            if int(match[2], 16) > 0:
                objects[-1].sections[match[1]] = int(match[2], 16)
        elif match := re.match(r"RELOCATION RECORDS FOR \[(.+)\]", line):
            section = match[1]
        elif match := re.match(r"[0-9a-f]+ (.{7}) (\S+)\s+[0-9a-f]+\s+(?:\.hidden |\.internal |\.protected )?(\S+)$", line):
            flags, where, name = match.groups()
            if "f" in flags or "d" in flags:  # the name of a file or of a section
                continue
            objects[-1].symbols.append((where, name))
            if where != "*UND*" and flags[0] != "l":
                objects[-1].defined.add(name)
        elif match := re.match(r"[0-9a-f]+ R_\S+\s+(\S+?)([+-]0x[0-9a-f]+)?$", line):
            objects[-1].references.add((section, match[1]))
    return objects


def find(archives, link_map):
    """All findings in the archives, allowed or not."""
    kept = kept_sections(link_map)
    objects = [o for archive in archives for o in read_objects(archive)]
    defined = set().union(*(o.defined for o in objects))
    findings = set()
    for o in objects:

        def counts(section):
            return not o.library or (o.name, section) in kept

        outside = {name for where, name in o.symbols if where == "*UND*"} - defined - HARMLESS
        for section, name in o.references:
            if name in outside and counts(section):
                findings.add(Finding(o.name, name, "refers to"))
        for section in o.sections:
            if RUNS_WHEN_LOADED.match(section) and counts(section):
                findings.add(Finding(o.name, section, "runs when it is loaded"))
            if WRITABLE.match(section) and not READ_ONLY_AFTER_LOADING.match(section) and counts(section):
                # the compiler numbers static variables of functions
                names = {re.sub(r"\.\d+$", "", name) for where, name in o.symbols if where == section}
                for name in names or {section}:
                    findings.add(Finding(o.name, name, "can write"))
        for where, name in o.symbols:
            if where == "*COM*" and counts("COMMON"):
                findings.add(Finding(o.name, name, "can write"))
    return sorted(readable(findings))


def readable(findings):
    """C++ names as they stand in the source, without their namespaces."""
    findings = list(findings)
    names = "\n".join(f.symbol for f in findings)
    plain = subprocess.run(["c++filt"], input=names, check=True, capture_output=True, text=True).stdout.split("\n")
    spaces = re.compile(r"\(anonymous namespace\)::|bssl::")
    return {f._replace(symbol=spaces.sub("", name).replace(" ", "_")) for f, name in zip(findings, plain)}


def read_allowed(text):
    """The lines `object symbol reason…` of an allow-list; object and symbol may hold * and ?."""
    allowed = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split(None, 2)
        if not fields or line.startswith("#"):
            continue
        if len(fields) < 3:
            raise ValueError("line %d of the allow-list gives no reason: %s" % (number, line))
        allowed.append(tuple(fields))
    return allowed


def complaints(findings, allowed):
    """What is not allowed, and what is allowed in vain, as lines of text."""
    lines = []
    used = set()
    for finding in findings:
        matching = {
            entry for entry in allowed if fnmatch.fnmatchcase(finding.object, entry[0]) and fnmatch.fnmatchcase(finding.symbol, entry[1])
        }
        used |= matching
        if not matching:
            lines.append("%s %s %s" % (finding.object, finding.kind, finding.symbol))
    for entry in allowed:
        if entry not in used:
            lines.append("the allow-list has %s %s, but there is no such thing any more" % entry[:2])
    return lines
