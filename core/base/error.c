/* SPDX-License-Identifier: BSD-3-Clause */
#include <polyrtc/error.h>

#define ENTRY(name, code, exception, sentence) {code, #name, exception, sentence},
static const struct entry {
  int code;
  const char *name, *exception, *sentence;
} entries[] = {PRTC_ERROR_TABLE(ENTRY)};

static const struct entry *find(int code) {
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    if (entries[i].code == code) return &entries[i];
  }
  return NULL;
}

const char *prtc_strerror(int code) {
  const struct entry *entry = find(code);
  return code >= 0 ? "success" : entry != NULL ? entry->sentence : "unknown error";
}

const char *prtc_error_name(int code) {
  const struct entry *entry = find(code);
  return code >= 0 ? "OK" : entry != NULL ? entry->name : "UNKNOWN";
}

const char *prtc_error_exception(int code) {
  const struct entry *entry = find(code);
  return code >= 0 ? "" : entry != NULL ? entry->exception : "OperationError";
}

const char *prtc_version(void) { return PRTC_VERSION; }
