/* What of a datagram is worth showing to BoringSSL during the handshake: see filter.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/filter.h"

#include <string.h>

#include "core/base/bytes.h"

/* RFC 5246 section 7.4, RFC 6347 section 4.3.2 */
enum {
  CLIENT_HELLO = 1,
  SERVER_HELLO = 2,
  HELLO_VERIFY_REQUEST = 3,
  CERTIFICATE = 11,
  SERVER_KEY_EXCHANGE = 12,
  CERTIFICATE_REQUEST = 13,
  SERVER_HELLO_DONE = 14,
  CERTIFICATE_VERIFY = 15,
  CLIENT_KEY_EXCHANGE = 16
};

/* RFC 5246 section 7.2 */
enum { ALERT_FATAL = 2, ALERT_CLOSE_NOTIFY = 0 };

/* No certificate of a WebRTC peer comes near it; BoringSSL has the same limit, and keeps up to 7 such messages. */
enum { MESSAGE_SIZE_MAX = 16384 };

bool prtc_record_next(const uint8_t **data, size_t *size, struct prtc_record *out) {
  struct prtc_reader reader = prtc_reader_of(*data, *size);
  out->type = prtc_read_u8(&reader);
  out->version = prtc_read_u16(&reader);
  out->sequence = prtc_read_integer(&reader, 8);
  out->epoch = (uint16_t)(out->sequence >> 48);
  out->size = prtc_read_u16(&reader);
  out->body = prtc_read_bytes(&reader, out->size);
  if (reader.failed || out->version >> 8 != 0xfe) return false;
  *data += reader.position;
  *size -= reader.position;
  return true;
}

/* Which message may have which number. The Finished is not among them: it is encrypted. The server's numbers are one more
 * when it has asked for a cookie first, and one less from where it leaves out a message. */
static bool message_fits(bool from_client, uint8_t type, unsigned number) {
  static const struct {
    uint8_t type, first, last;
  } server_messages[] = {{HELLO_VERIFY_REQUEST, 0, 0}, {SERVER_HELLO, 0, 1},        {CERTIFICATE, 1, 2},
                         {SERVER_KEY_EXCHANGE, 2, 3},  {CERTIFICATE_REQUEST, 3, 4}, {SERVER_HELLO_DONE, 3, 5}};
  static const uint8_t client_messages[] = {CLIENT_HELLO, CERTIFICATE, CLIENT_KEY_EXCHANGE, CERTIFICATE_VERIFY};
  if (from_client) return number < sizeof client_messages && client_messages[number] == type;
  for (size_t i = 0; i < sizeof server_messages / sizeof server_messages[0]; i++) {
    if (server_messages[i].type == type) return number >= server_messages[i].first && number <= server_messages[i].last;
  }
  return false;
}

/* RFC 6347 section 4.2.2: a record holds fragments of messages, each with the type, size and number of the whole. The
 * record is wanted when all of them are sound and agree with what came before. */
static bool handshake_passes(struct prtc_filter *filter, const struct prtc_record *record) {
  struct prtc_reader reader = prtc_reader_of(record->body, record->size);
  struct prtc_filter seen = *filter;
  if (record->size == 0) return false;
  while (prtc_reader_left(&reader) > 0) {
    uint8_t type = prtc_read_u8(&reader);
    uint32_t size = (uint32_t)prtc_read_integer(&reader, 3);
    uint16_t number = prtc_read_u16(&reader);
    uint32_t offset = (uint32_t)prtc_read_integer(&reader, 3);
    uint32_t part = (uint32_t)prtc_read_integer(&reader, 3);
    prtc_read_bytes(&reader, part);
    if (reader.failed || size > MESSAGE_SIZE_MAX || offset > size || part > size - offset ||
        !message_fits(filter->server, type, number)) {
      return false;
    }
    if (seen.messages[number].type == 0) {
      seen.messages[number].type = type;
      seen.messages[number].size = size;
    } else if (seen.messages[number].type != type || seen.messages[number].size != size) {
      return false;
    }
  }
  *filter = seen;
  return !reader.failed;
}

static bool plaintext_passes(struct prtc_filter *filter, const struct prtc_record *record) {
  switch (record->type) {
    case PRTC_CONTENT_CHANGE_CIPHER_SPEC:
      return record->size == 1 && record->body[0] == 1;
    case PRTC_CONTENT_ALERT: /* warnings change nothing, and BoringSSL gives up at the fifth */
      return record->size == 2 && (record->body[0] == ALERT_FATAL || record->body[1] == ALERT_CLOSE_NOTIFY);
    case PRTC_CONTENT_HANDSHAKE:
      return handshake_passes(filter, record);
    default:
      return false;
  }
}

size_t prtc_filter_datagram(struct prtc_filter *filter, const uint8_t *data, size_t size, uint8_t *out, size_t capacity,
                            bool *early) {
  struct prtc_writer writer = prtc_writer_of(out, capacity);
  const uint8_t *start = data;
  struct prtc_record record;
  *early = false;
  for (; prtc_record_next(&data, &size, &record); start = data) {
    if (writer.capacity - writer.size < (size_t)(data - start)) break;
    if (record.epoch == 0) {
      if (!plaintext_passes(filter, &record)) continue;
      /* The numbers of plain records protect against nothing, but a false one far ahead would make all later ones look like
       * replays: they are numbered anew. */
      prtc_write_bytes(&writer, start, 3);
      prtc_write_integer(&writer, filter->sequence++, 8);
      prtc_write_bytes(&writer, start + 11, (size_t)(data - start) - 11);
    } else if (record.epoch == 1) { /* authenticated: bad ones fail at that */
      if (record.type == PRTC_CONTENT_APPLICATION_DATA) *early = true;
      if (record.type == PRTC_CONTENT_HANDSHAKE || record.type == PRTC_CONTENT_ALERT) {
        prtc_write_bytes(&writer, start, (size_t)(data - start));
      }
    }
  }
  return writer.size;
}

bool prtc_is_client_hello(const uint8_t *data, size_t size) {
  struct prtc_record record;
  return prtc_record_next(&data, &size, &record) && record.type == PRTC_CONTENT_HANDSHAKE && record.epoch == 0 &&
         record.size > 0 && record.body[0] == CLIENT_HELLO;
}
