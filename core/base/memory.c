/* BoringSSL's memory hooks. They are weak undefined symbols in BoringSSL, which a program that embeds polyrtc could
 * otherwise fill by accident: defined here, hidden, and by the process allocator.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/mem.h>

void *OPENSSL_memory_alloc(size_t size);
void OPENSSL_memory_free(void *pointer);
size_t OPENSSL_memory_get_size(void *pointer);

/* The size stands before the block, since freed blocks are wiped (they may hold keys). 16 bytes keep the alignment. */
enum { HEADER_SIZE = 16 };

void *OPENSSL_memory_alloc(size_t size) {
  if (size > SIZE_MAX - HEADER_SIZE) return NULL;
  unsigned char *block = malloc(size + HEADER_SIZE);
  if (block == NULL) return NULL;
  memcpy(block, &size, sizeof size);
  return block + HEADER_SIZE;
}

size_t OPENSSL_memory_get_size(void *pointer) {
  size_t size;
  memcpy(&size, (unsigned char *)pointer - HEADER_SIZE, sizeof size);
  return size;
}

void OPENSSL_memory_free(void *pointer) {
  if (pointer == NULL) return;
  OPENSSL_cleanse(pointer, OPENSSL_memory_get_size(pointer));
  free((unsigned char *)pointer - HEADER_SIZE);
}
