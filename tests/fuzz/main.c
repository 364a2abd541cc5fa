/* Runs a fuzz target without libFuzzer: each file named on the command line is given to it once, whole; each file of at most
 * 4 kB also cut after every byte, because parsers fail at the ends of things. This is how the corpus is a regression test in
 * every configuration.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT_LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each input in an allocation of its exact size: so AddressSanitizer sees a read beyond the end. */
static void run(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1);
  if (copy == NULL) abort();
  if (size > 0) memcpy(copy, data, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static void run_file(const char *path) {
  uint8_t *data = NULL;
  size_t size = 0, capacity = 0, got;
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  do {
    if (size == capacity) {
      capacity = capacity > 0 ? capacity * 2 : 65536;
      data = realloc(data, capacity);
      if (data == NULL) abort();
    }
    got = fread(data + size, 1, capacity - size, file);
    size += got;
  } while (got > 0);
  fclose(file);
  run(data, size);
  if (size <= CUT_LIMIT) {
    for (size_t cut = 1; cut < size; cut++) run(data, cut);
  }
  free(data);
}

int main(int argc, char **argv) {
  int files = 0;
  run(NULL, 0);
  for (int i = 1; i < argc; i++) {
    if (argv[i][0] == '-') continue; /* an option for libFuzzer */
    run_file(argv[i]);
    files++;
  }
  printf("%d files of the corpus\n", files);
  return 0;
}
