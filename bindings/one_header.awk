# One header of several: `start` with whatever of `headers` it includes put in place, each once.
#
# SPDX-License-Identifier: BSD-3-Clause

function include(file,    line, name) {
  while ((getline line < file) > 0) {
    if (line ~ /^#include <polyrtc\//) {
      name = line
      sub(/^#include </, "", name)
      sub(/>.*/, "", name)
      if (!(name in path)) {
        print "there is no " name > "/dev/stderr"
        failed = 1
      } else if (!(name in included)) {
        included[name] = 1
        include(path[name])
      }
    } else {
      print line
    }
  }
  close(file)
}

BEGIN {
  count = split(headers, files, " ")
  for (i = 1; i <= count; i++) {
    name = files[i]
    sub(/.*\/polyrtc\//, "polyrtc/", name)
    path[name] = files[i]
  }
  print "/* polyrtc's headers in one file, made when the module was built. SPDX-License-Identifier: BSD-3-Clause */"
  include(start)
  exit failed
}
