/* The DTLS object: states, time, the datagrams that wait, and what comes after the handshake.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/dtls.h>

#include <string.h>

#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/srtp.h>

#include "core/base/bytes.h"
#include "core/base/config.h"
#include "core/base/context.h"
#include "core/base/queue.h"
#include "core/base/text.h"
#include "core/dtls/certificate.h"
#include "core/dtls/fingerprint.h"
#include "core/dtls/handshake.h"
#include "core/dtls/reading.h"
#include "core/dtls/records.h"

enum {
  MTU_DEFAULT = 1200,
  MTU_MIN = 256, /* below it BoringSSL cannot make a flight */
  OUT_MAX = 16,  /* datagrams that wait to be sent: a flight at the least MTU, and an alert */
  HELD_MAX = 8,  /* datagrams that came too early */
  EVENTS_MAX = 4 /* each state comes once */
};

/* A flight is first repeated after this. RFC 6347 section 4.2.4.1 says a second, for paths of which nothing is known; here
 * ICE has just had an answer on the path, and a user waits for every datagram of the handshake that is lost. A quarter of a
 * second is more than nearly all round trips; where ICE has measured a longer one, it is twice that. */
static const prtc_time first_timeout = 250000;
/* The time doubles up to this: the path is known to work, so a long silence is loss and not congestion. */
static const prtc_time longest_timeout = 3000000;
/* With these two BoringSSL's own limit of 12 repetitions of a flight is met after this. */
static const prtc_time handshake_time = 30000000;

/* RFC 5246 section 7.2 */
enum {
  ALERT_WARNING = 1,
  ALERT_FATAL = 2,
  ALERT_CLOSE_NOTIFY = 0,
  ALERT_BAD_CERTIFICATE = 42
};

enum { HANDSHAKE_FINISHED = 20 };

/* How often the last flight is repeated on request: as often as another side of our own kind may ask. */
enum { LAST_FLIGHT_REPEATS = 16 };

struct prtc_dtls {
  prtc_context *context;
  prtc_certificate *certificate;
  uint32_t mtu;
  bool use_srtp;
  prtc_dtls_role role;
  prtc_dtls_transport_state state;
  bool started, paused;
  prtc_time now; /* the latest that was seen */
  struct prtc_fingerprint_set fingerprints;
  struct prtc_queue out, held; /* of prtc_dtls_datagram */

  struct prtc_handshake *handshake; /* from the start, when the role is known, to its end */
  prtc_time round_trip; /* of the path; 0: not known */
  prtc_time timeout, repeat_at, give_up_at;

  struct prtc_records *records; /* from the end of the handshake on */
  struct prtc_last_flight last_flight;
  uint32_t last_flight_repeats;
  CRYPTO_BUFFER *remote_certificate;
  const char *cipher; /* static storage; NULL until connected */
  int srtp_profile;
  size_t srtp_keys_size;
  uint8_t srtp_keys[2 * (32 + 14)];

  /* Plain text of the last datagram: records, each after its size in two bytes */
  uint8_t *inbox;
  size_t inbox_capacity, inbox_size, inbox_read;

  uint8_t events[EVENTS_MAX]; /* states */
  uint32_t event_first, event_count;
  int code; /* why it failed */
  char text[128];
};

/* ------------------------------------------------------------------------------------------------ making and freeing */

prtc_dtls *prtc_dtls_new(prtc_context *context, const prtc_dtls_config *config) {
  prtc_dtls_config known;
  if (!prtc_config_copy(&known, sizeof known, config)) return NULL;
  uint32_t mtu = known.mtu != 0 ? known.mtu : MTU_DEFAULT;
  if (known.certificate == NULL || mtu < MTU_MIN || mtu > UINT16_MAX) return NULL;
  prtc_dtls *dtls = prtc_allocate(context, sizeof *dtls);
  if (dtls == NULL) return NULL;
  dtls->context = context;
  dtls->certificate = prtc_certificate_retain(known.certificate);
  dtls->mtu = mtu;
  dtls->use_srtp = known.use_srtp != 0;
  dtls->repeat_at = dtls->give_up_at = PRTC_NEVER;
  prtc_queue_init(&dtls->out, context, sizeof(struct prtc_dtls_datagram), OUT_MAX);
  prtc_queue_init(&dtls->held, context, sizeof(struct prtc_dtls_datagram), HELD_MAX);
  return dtls;
}

/* What a closed object has no use for. What waits to be sent stays: it tells the other side. */
static void drop_secrets(prtc_dtls *dtls) {
  prtc_handshake_free(dtls->handshake);
  dtls->handshake = NULL;
  if (dtls->records != NULL) prtc_records_clear(dtls->records);
  prtc_release(dtls->context, dtls->records);
  dtls->records = NULL;
  OPENSSL_cleanse(dtls->srtp_keys, sizeof dtls->srtp_keys);
  dtls->srtp_keys_size = 0;
  dtls->srtp_profile = 0;
  prtc_dtls_datagrams_clear(&dtls->held);
  dtls->paused = false;
  dtls->repeat_at = dtls->give_up_at = PRTC_NEVER;
}

void prtc_dtls_free(prtc_dtls *dtls) {
  if (dtls == NULL) return;
  drop_secrets(dtls);
  prtc_dtls_datagrams_clear(&dtls->out);
  CRYPTO_BUFFER_free(dtls->remote_certificate);
  prtc_certificate_release(dtls->certificate);
  prtc_release(dtls->context, dtls->inbox);
  prtc_release(dtls->context, dtls);
}

/* ------------------------------------------------------------------------------------------------------------ states */

static void set_state(prtc_dtls *dtls, prtc_dtls_transport_state state) {
  static const char *const names[] = {"new", "connecting", "connected", "closed", "failed"};
  PRTC_LOG(dtls->context, PRTC_LOG_INFO, "dtls", "%s", names[state]);
  dtls->state = state;
  dtls->events[(dtls->event_first + dtls->event_count++) % EVENTS_MAX] = (uint8_t)state;
}

/* Returns the code. */
static int fail(prtc_dtls *dtls, int code, const char *sentence) {
  struct prtc_text text = prtc_text_of(dtls->text, sizeof dtls->text);
  prtc_text_print(&text, "%s", sentence);
  dtls->code = code;
  PRTC_LOG(dtls->context, PRTC_LOG_WARNING, "dtls", "failed: %s", dtls->text);
  drop_secrets(dtls);
  set_state(dtls, PRTC_DTLS_TRANSPORT_FAILED);
  return code;
}

static bool is_over(const prtc_dtls *dtls) { return dtls->state >= PRTC_DTLS_TRANSPORT_CLOSED; }

/* What a call on an object that is over returns. */
static int over_code(const prtc_dtls *dtls, int otherwise) {
  return PRTC_ERROR_IS_FATAL(dtls->code) ? dtls->code : otherwise;
}

static void see_time(prtc_dtls *dtls, prtc_time now) {
  if (now > dtls->now) dtls->now = now;
}

static void send_alert(prtc_dtls *dtls, uint8_t level, uint8_t description) {
  uint8_t alert[2] = {level, description}, record[sizeof alert + PRTC_DTLS_OVERHEAD];
  int size = prtc_records_seal(dtls->records, PRTC_CONTENT_ALERT, alert, sizeof alert, record, sizeof record);
  if (size > 0) prtc_dtls_datagram_push(&dtls->out, record, (size_t)size);
}

/* ---------------------------------------------------------------------------------------------- the established half */

/* RFC 6347 section 4.2.4: the other side has repeated its Finished, so our last flight was lost. It is sent once more,
 * under new sequence numbers. */
static void repeat_last_flight(prtc_dtls *dtls) {
  static const uint8_t change_cipher_spec[] = {PRTC_CONTENT_CHANGE_CIPHER_SPEC, 0xfe, 0xfd};
  uint8_t flight[128];
  struct prtc_writer writer = prtc_writer_of(flight, sizeof flight);
  if (dtls->last_flight.finished[0] != HANDSHAKE_FINISHED || dtls->last_flight_repeats == LAST_FLIGHT_REPEATS) return;
  dtls->last_flight_repeats++;
  prtc_write_bytes(&writer, change_cipher_spec, sizeof change_cipher_spec);
  prtc_write_integer(&writer, dtls->last_flight.plain_sequence++, 8);
  prtc_write_u16(&writer, 1);
  prtc_write_u8(&writer, 1);
  int size = prtc_records_seal(dtls->records, PRTC_CONTENT_HANDSHAKE, dtls->last_flight.finished,
                               sizeof dtls->last_flight.finished, flight + writer.size, sizeof flight - writer.size);
  if (size > 0) prtc_dtls_datagram_push(&dtls->out, flight, writer.size + (size_t)size);
}

static void take_alert(prtc_dtls *dtls, const uint8_t *alert, size_t size) {
  if (size != 2) return;
  if (alert[0] == ALERT_FATAL) {
    char sentence[96];
    struct prtc_text text = prtc_text_of(sentence, sizeof sentence);
    prtc_text_print(&text, "the other side's alert: %s", SSL_alert_desc_string_long(alert[1]));
    fail(dtls, PRTC_ERROR_DTLS_ALERT, sentence);
  } else if (alert[1] == ALERT_CLOSE_NOTIFY) {
    send_alert(dtls, ALERT_WARNING, ALERT_CLOSE_NOTIFY); /* RFC 5246 section 7.2.1 wants it answered */
    drop_secrets(dtls);
    set_state(dtls, PRTC_DTLS_TRANSPORT_CLOSED);
  }
}

/* Opens the records of a datagram; application data goes to the end of the inbox. `repeats`: a Finished in it asks for our
 * last flight again. Returns 0, or the code of the last record that was dropped. */
static int open_datagram(prtc_dtls *dtls, const uint8_t *data, size_t size, bool repeats) {
  int result = 0;
  struct prtc_record record;
  if (dtls->inbox_capacity - dtls->inbox_size < size) { /* plain text and its size take less than the record */
    uint8_t *larger = prtc_reallocate(dtls->context, dtls->inbox, dtls->inbox_size + size);
    if (larger == NULL) return PRTC_ERROR_NO_MEMORY;
    dtls->inbox = larger;
    dtls->inbox_capacity = dtls->inbox_size + size;
  }
  while (size > 0 && dtls->state == PRTC_DTLS_TRANSPORT_CONNECTED) {
    if (!prtc_record_next(&data, &size, &record)) return PRTC_ERROR_MALFORMED;
    uint8_t *out = dtls->inbox + dtls->inbox_size;
    int opened = prtc_records_open(dtls->records, &record, out + 2, dtls->inbox_capacity - dtls->inbox_size - 2);
    if (opened < 0) {
      result = opened;
    } else if (record.type == PRTC_CONTENT_APPLICATION_DATA && opened > 0) {
      out[0] = (uint8_t)(opened >> 8);
      out[1] = (uint8_t)opened;
      dtls->inbox_size += 2 + (size_t)opened;
    } else if (record.type == PRTC_CONTENT_ALERT) {
      take_alert(dtls, out + 2, (size_t)opened);
    } else if (record.type == PRTC_CONTENT_HANDSHAKE && repeats && opened > 0 && out[2] == HANDSHAKE_FINISHED) {
      repeat_last_flight(dtls);
    }
  }
  return result;
}

/* ----------------------------------------------------------------------------------------------------- the handshake */

/* RFC 5764 section 4.2, before the SSL goes. */
static bool export_keys(prtc_dtls *dtls, SSL *ssl) {
  static const char label[] = "EXTRACTOR-dtls_srtp";
  const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(ssl);
  if (profile == NULL) return true;
  size_t size = profile->id == SRTP_AES128_CM_SHA1_80   ? 2 * (16 + 14)
                : profile->id == SRTP_AEAD_AES_128_GCM ? 2 * (16 + 12)
                                                       : 2 * (32 + 12);
  if (!SSL_export_keying_material(ssl, dtls->srtp_keys, size, label, sizeof label - 1, NULL, 0, 0)) return false;
  dtls->srtp_profile = (int)profile->id;
  dtls->srtp_keys_size = size;
  return true;
}

/* The handshake is complete: takes over from BoringSSL. */
static int establish(prtc_dtls *dtls) {
  struct prtc_handshake *handshake = dtls->handshake;
  const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(handshake->ssl);
  dtls->records = prtc_allocate(dtls->context, sizeof *dtls->records);
  if (dtls->records == NULL) return fail(dtls, PRTC_ERROR_NO_MEMORY, prtc_strerror(PRTC_ERROR_NO_MEMORY));
  struct prtc_context *previous = prtc_enter(dtls->context);
  bool ok = prtc_records_init(dtls->records, handshake->ssl) && export_keys(dtls, handshake->ssl);
  prtc_leave(previous);
  if (!ok) return fail(dtls, PRTC_ERROR_CRYPTO, prtc_strerror(PRTC_ERROR_CRYPTO));
  dtls->remote_certificate = sk_CRYPTO_BUFFER_value(chain, 0);
  CRYPTO_BUFFER_up_ref(dtls->remote_certificate);
  /* RFC 6347 section 4.2.4: in a full handshake the server's flight is the last, the client's is known to have arrived. */
  if (dtls->role == PRTC_DTLS_ROLE_SERVER) dtls->last_flight = handshake->last_flight;
  dtls->cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(handshake->ssl));
  PRTC_LOG(dtls->context, PRTC_LOG_DEBUG, "dtls", "%s, SRTP profile %d", SSL_get_cipher_name(handshake->ssl),
           dtls->srtp_profile);
  prtc_handshake_free(handshake);
  dtls->handshake = NULL;
  dtls->repeat_at = dtls->give_up_at = PRTC_NEVER;
  set_state(dtls, PRTC_DTLS_TRANSPORT_CONNECTED);
  return 0;
}

static int take_result(prtc_dtls *dtls, enum prtc_handshake_result result) {
  dtls->paused = result == PRTC_HANDSHAKE_PAUSED;
  switch (result) {
    case PRTC_HANDSHAKE_FAILED:
      return fail(dtls, dtls->handshake->code, dtls->handshake->text);
    case PRTC_HANDSHAKE_CLOSED:
      drop_secrets(dtls);
      set_state(dtls, PRTC_DTLS_TRANSPORT_CLOSED);
      return 0;
    case PRTC_HANDSHAKE_DONE:
      return establish(dtls);
    default:
      break;
  }
  if (!prtc_handshake_awaits_reply(dtls->handshake)) {
    dtls->repeat_at = PRTC_NEVER;
  } else if (dtls->handshake->wrote) { /* a new flight: the time begins anew */
    dtls->timeout = 2 * dtls->round_trip > first_timeout ? 2 * dtls->round_trip : first_timeout;
    dtls->repeat_at = dtls->now + dtls->timeout;
  }
  return 0;
}

/* Goes on with the handshake, by a datagram or (NULL, 0) without. */
static int advance(prtc_dtls *dtls, const uint8_t *data, size_t size) {
  int result = take_result(dtls, prtc_handshake_advance(dtls->handshake, data, size));
  if (data == NULL || result < 0) return result;
  if (dtls->state == PRTC_DTLS_TRANSPORT_CONNECTED) {
    open_datagram(dtls, data, size, false); /* what was of the handshake is dropped in it, and is no error */
    return 0;
  }
  if (dtls->state == PRTC_DTLS_TRANSPORT_CONNECTING && dtls->handshake->input_early) {
    return prtc_dtls_datagram_push(&dtls->held, data, size);
  }
  return 0;
}

/* The role is known and the path works. */
static int begin(prtc_dtls *dtls, prtc_dtls_role role) {
  bool server = role == PRTC_DTLS_ROLE_SERVER;
  PRTC_LOG(dtls->context, PRTC_LOG_DEBUG, "dtls", "the handshake begins, as %s", server ? "server" : "client");
  dtls->handshake = prtc_handshake_new(dtls->context, dtls->certificate, server, dtls->mtu, dtls->use_srtp,
                                       &dtls->fingerprints, &dtls->out);
  if (dtls->handshake == NULL) return fail(dtls, PRTC_ERROR_CRYPTO, prtc_strerror(PRTC_ERROR_CRYPTO));
  dtls->role = role;
  return server ? 0 : advance(dtls, NULL, 0);
}

static int take_datagram(prtc_dtls *dtls, const uint8_t *data, size_t size) {
  if (dtls->state == PRTC_DTLS_TRANSPORT_CONNECTED) return open_datagram(dtls, data, size, true);
  if (is_over(dtls)) return over_code(dtls, PRTC_ERROR_UNEXPECTED);
  if (!dtls->started || dtls->paused) return prtc_dtls_datagram_push(&dtls->held, data, size);
  if (dtls->handshake == NULL) { /* role AUTO */
    if (!prtc_is_client_hello(data, size)) return PRTC_ERROR_UNEXPECTED;
    int result = begin(dtls, PRTC_DTLS_ROLE_SERVER);
    if (result < 0) return result;
  }
  return advance(dtls, data, size);
}

/* Looks at what came too early, once: what is still too early is held again. */
static void take_held(prtc_dtls *dtls) {
  struct prtc_dtls_datagram datagram;
  for (size_t left = dtls->held.count; left > 0 && prtc_dtls_datagram_pop(&dtls->held, &datagram); left--) {
    take_datagram(dtls, datagram.data, datagram.size);
    prtc_release(dtls->context, datagram.data);
  }
}

/* Held datagrams can complete the handshake, after which those held before them can be opened. */
static void take_all_held(prtc_dtls *dtls) {
  bool connected = dtls->state == PRTC_DTLS_TRANSPORT_CONNECTED;
  take_held(dtls);
  if (!connected && dtls->state == PRTC_DTLS_TRANSPORT_CONNECTED) take_held(dtls);
}

/* ---------------------------------------------------------------------------------------------------- what is public */

int prtc_dtls_set_remote_fingerprints(prtc_dtls *dtls, prtc_time now, const prtc_fingerprint *fingerprints, size_t count) {
  struct prtc_fingerprint_set set;
  see_time(dtls, now);
  if (is_over(dtls)) return over_code(dtls, PRTC_ERROR_INVALID_STATE);
  int result = prtc_fingerprint_set_fill(&set, fingerprints, count);
  if (result < 0) return result;
  dtls->fingerprints = set;
  if (dtls->state == PRTC_DTLS_TRANSPORT_CONNECTED) {
    if (prtc_fingerprint_set_matches(&set, CRYPTO_BUFFER_data(dtls->remote_certificate),
                                     CRYPTO_BUFFER_len(dtls->remote_certificate))) {
      return 0;
    }
    send_alert(dtls, ALERT_FATAL, ALERT_BAD_CERTIFICATE);
    return fail(dtls, PRTC_ERROR_FINGERPRINT_MISMATCH, prtc_strerror(PRTC_ERROR_FINGERPRINT_MISMATCH));
  }
  PRTC_LOG(dtls->context, PRTC_LOG_DEBUG, "dtls", "%zu fingerprints of the other side count", set.count);
  if (!dtls->paused) return 0;
  result = advance(dtls, NULL, 0);
  if (result == 0) take_all_held(dtls);
  return result;
}

int prtc_dtls_start(prtc_dtls *dtls, prtc_time now, prtc_dtls_role role) {
  see_time(dtls, now);
  if (is_over(dtls)) return over_code(dtls, PRTC_ERROR_INVALID_STATE);
  if (dtls->started && (role == PRTC_DTLS_ROLE_AUTO || role == dtls->role)) return 0; /* nothing new */
  if (dtls->role != PRTC_DTLS_ROLE_AUTO) return PRTC_ERROR_INVALID_STATE;
  if (!dtls->started) {
    dtls->started = true;
    dtls->give_up_at = dtls->now + handshake_time;
    set_state(dtls, PRTC_DTLS_TRANSPORT_CONNECTING);
  }
  int result = role != PRTC_DTLS_ROLE_AUTO ? begin(dtls, role) : 0;
  if (result == 0) take_all_held(dtls);
  return result;
}

void prtc_dtls_be_patient(prtc_dtls *dtls, prtc_time now) {
  see_time(dtls, now);
  if (dtls->give_up_at != PRTC_NEVER) dtls->give_up_at = dtls->now + handshake_time;
}

void prtc_dtls_set_round_trip(prtc_dtls *dtls, prtc_time round_trip) {
  dtls->round_trip = round_trip < longest_timeout ? round_trip : longest_timeout;
}

int prtc_dtls_receive(prtc_dtls *dtls, prtc_time now, const uint8_t *data, size_t size) {
  see_time(dtls, now);
  dtls->inbox_size = dtls->inbox_read = 0;
  /* RFC 7983 section 7 */
  if (size < PRTC_RECORD_HEADER_SIZE || size > UINT16_MAX || data[0] < 20 || data[0] > 63) return PRTC_ERROR_MALFORMED;
  bool connected = dtls->state == PRTC_DTLS_TRANSPORT_CONNECTED;
  int result = take_datagram(dtls, data, size);
  if (!connected && dtls->state == PRTC_DTLS_TRANSPORT_CONNECTED) take_held(dtls);
  return result;
}

int prtc_dtls_transmit(prtc_dtls *dtls, prtc_time now, uint8_t *out, size_t capacity) {
  struct prtc_dtls_datagram *first = prtc_queue_at(&dtls->out, 0), datagram;
  see_time(dtls, now);
  if (first == NULL) return 0;
  if (first->size > capacity) return PRTC_ERROR_BUFFER_TOO_SMALL;
  prtc_dtls_datagram_pop(&dtls->out, &datagram);
  memcpy(out, datagram.data, datagram.size);
  prtc_release(dtls->context, datagram.data);
  return (int)datagram.size;
}

prtc_time prtc_dtls_deadline(const prtc_dtls *dtls) {
  if (dtls->paused) return dtls->give_up_at; /* the other side has answered: nothing to repeat */
  return dtls->repeat_at < dtls->give_up_at ? dtls->repeat_at : dtls->give_up_at;
}

int prtc_dtls_timeout(prtc_dtls *dtls, prtc_time now) {
  see_time(dtls, now);
  if (dtls->state != PRTC_DTLS_TRANSPORT_CONNECTING) return is_over(dtls) ? over_code(dtls, 0) : 0;
  if (dtls->now >= dtls->give_up_at) {
    fail(dtls, PRTC_ERROR_TIMEOUT, "the DTLS handshake was not complete after 30 seconds");
  } else if (!dtls->paused && dtls->now >= dtls->repeat_at) {
    prtc_dtls_datagrams_clear(&dtls->out); /* what nobody has taken yet is of the flight that comes again */
    if (dtls->timeout < longest_timeout) {
      dtls->timeout = dtls->timeout * 2 < longest_timeout ? dtls->timeout * 2 : longest_timeout;
    }
    dtls->repeat_at = dtls->now + dtls->timeout;
    PRTC_LOG(dtls->context, PRTC_LOG_DEBUG, "dtls", "nothing came: the flight is repeated, next after %llu ms",
             (unsigned long long)(dtls->timeout / 1000));
    enum prtc_handshake_result result = prtc_handshake_retransmit(dtls->handshake);
    if (result == PRTC_HANDSHAKE_FAILED) fail(dtls, dtls->handshake->code, dtls->handshake->text);
  }
  return over_code(dtls, 0);
}

int prtc_dtls_event_next(prtc_dtls *dtls, prtc_dtls_event *out) {
  if (dtls->event_count == 0) return 0;
  memset(out, 0, sizeof *out);
  out->type = PRTC_DTLS_EVENT_STATE;
  out->state = dtls->events[dtls->event_first];
  if (out->state == PRTC_DTLS_TRANSPORT_FAILED) {
    out->code = dtls->code;
    memcpy(out->text, dtls->text, sizeof dtls->text);
  }
  dtls->event_first = (dtls->event_first + 1) % EVENTS_MAX;
  dtls->event_count--;
  return 1;
}

/* The size of the record that is to be read next; 0: there is none. */
static size_t next_size(const prtc_dtls *dtls) {
  if (dtls->inbox_read == dtls->inbox_size) return 0;
  const uint8_t *next = dtls->inbox + dtls->inbox_read;
  return (size_t)next[0] << 8 | next[1];
}

int prtc_dtls_next(prtc_dtls *dtls, const uint8_t **bytes) {
  size_t size = next_size(dtls);
  if (size == 0) return 0;
  *bytes = dtls->inbox + dtls->inbox_read + 2;
  dtls->inbox_read += 2 + size;
  return (int)size;
}

int prtc_dtls_read(prtc_dtls *dtls, uint8_t *out, size_t capacity) {
  const uint8_t *bytes = NULL;
  if (next_size(dtls) > capacity) return PRTC_ERROR_BUFFER_TOO_SMALL;
  int size = prtc_dtls_next(dtls, &bytes);
  if (size > 0) memcpy(out, bytes, (size_t)size);
  return size;
}

int prtc_dtls_seal(prtc_dtls *dtls, const uint8_t *data, size_t size, uint8_t *out, size_t capacity) {
  if (dtls->state != PRTC_DTLS_TRANSPORT_CONNECTED) return over_code(dtls, PRTC_ERROR_INVALID_STATE);
  if (size == 0 || size > PRTC_RECORD_PLAINTEXT_MAX) return PRTC_ERROR_INVALID_ARGUMENT;
  int result = prtc_records_seal(dtls->records, PRTC_CONTENT_APPLICATION_DATA, data, size, out, capacity);
  return PRTC_ERROR_IS_FATAL(result) ? fail(dtls, result, prtc_strerror(result)) : result;
}

size_t prtc_dtls_overhead(const prtc_dtls *dtls) {
  return dtls->records != NULL ? prtc_records_overhead(dtls->records) : PRTC_DTLS_OVERHEAD;
}

int prtc_dtls_close(prtc_dtls *dtls, prtc_time now) {
  see_time(dtls, now);
  if (is_over(dtls)) return 0;
  if (dtls->records != NULL) send_alert(dtls, ALERT_WARNING, ALERT_CLOSE_NOTIFY);
  else if (dtls->handshake != NULL) prtc_handshake_cancel(dtls->handshake);
  drop_secrets(dtls);
  set_state(dtls, PRTC_DTLS_TRANSPORT_CLOSED);
  return 0;
}

int prtc_dtls_get_state(const prtc_dtls *dtls) { return (int)dtls->state; }

int prtc_dtls_get_role(const prtc_dtls *dtls) { return (int)dtls->role; }

int prtc_dtls_export_srtp_keys(prtc_dtls *dtls, uint8_t *out, size_t capacity, size_t *size) {
  *size = 0;
  if (dtls->state != PRTC_DTLS_TRANSPORT_CONNECTED) return over_code(dtls, PRTC_ERROR_INVALID_STATE);
  if (capacity < dtls->srtp_keys_size) return PRTC_ERROR_BUFFER_TOO_SMALL;
  memcpy(out, dtls->srtp_keys, dtls->srtp_keys_size);
  *size = dtls->srtp_keys_size;
  return dtls->srtp_profile;
}

const char *prtc_dtls_get_cipher(const prtc_dtls *dtls) { return dtls->cipher != NULL ? dtls->cipher : ""; }

int prtc_dtls_get_remote_certificate(const prtc_dtls *dtls, uint8_t *out, size_t capacity, prtc_fingerprint *fingerprint) {
  if (dtls->remote_certificate == NULL) return 0;
  size_t size = CRYPTO_BUFFER_len(dtls->remote_certificate);
  if (size > capacity) return PRTC_ERROR_BUFFER_TOO_SMALL;
  memcpy(out, CRYPTO_BUFFER_data(dtls->remote_certificate), size);
  int code = prtc_fingerprint_of("sha-256", out, size, fingerprint);
  return code < 0 ? code : (int)size;
}
