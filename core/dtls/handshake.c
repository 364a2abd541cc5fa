/* One DTLS handshake: see handshake.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/handshake.h"

#include <string.h>
#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/pool.h>

#include "core/base/bio.h"
#include "core/base/context.h"
#include "core/base/text.h"
#include "core/dtls/certificate.h"

/* Explicit, since BoringSSL's default order depends on the processor, and the same seed must give the same bytes. RSA is
 * for certificates with such a key. RFC 8827 section 6.5 wants the first. */
static const char cipher_list[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* RFC 7714, then what RFC 8827 section 6.5 makes mandatory */
static const char srtp_profiles[] = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";

/* As in filter.c */
enum { MESSAGE_SIZE_MAX = 16384 };

enum { HANDSHAKE_FINISHED = 20 };

/* --------------------------------------------------------------------------------------------------------- datagrams */

int prtc_dtls_datagram_push(struct prtc_queue *queue, const uint8_t *data, size_t size) {
  struct prtc_dtls_datagram datagram = {prtc_allocate(queue->context, size), size};
  if (datagram.data == NULL) return PRTC_ERROR_NO_MEMORY;
  memcpy(datagram.data, data, size);
  int result = prtc_queue_push(queue, &datagram);
  if (result < 0) prtc_release(queue->context, datagram.data);
  return result;
}

bool prtc_dtls_datagram_pop(struct prtc_queue *queue, struct prtc_dtls_datagram *out) { return prtc_queue_pop(queue, out); }

void prtc_dtls_datagrams_clear(struct prtc_queue *queue) {
  struct prtc_dtls_datagram datagram;
  while (prtc_queue_pop(queue, &datagram)) prtc_release(queue->context, datagram.data);
  prtc_queue_clear(queue);
}

/* -------------------------------------------------------------------------------------- what BoringSSL calls back to */

static int bio_write(BIO *bio, const char *data, int size) {
  struct prtc_handshake *handshake = BIO_get_data(bio);
  const uint8_t *next = (const uint8_t *)data;
  size_t left = (size_t)size;
  struct prtc_record record;
  while (prtc_record_next(&next, &left, &record)) {
    if (record.epoch == 0) handshake->last_flight.plain_sequence = record.sequence + 1;
  }
  /* What does not fit is lost as if on the network: the retransmission repairs it. */
  prtc_dtls_datagram_push(handshake->out, (const uint8_t *)data, (size_t)size);
  handshake->wrote = true;
  return size;
}

static int bio_read(BIO *bio, char *out, int capacity) {
  struct prtc_handshake *handshake = BIO_get_data(bio);
  size_t size = 0;
  BIO_clear_retry_flags(bio);
  if (handshake->input != NULL) {
    size = prtc_filter_datagram(&handshake->filter, handshake->input, handshake->input_size, (uint8_t *)out,
                                (size_t)capacity, &handshake->input_early);
    handshake->input = NULL;
  }
  if (size > 0) return (int)size;
  BIO_set_retry_read(bio);
  return -1;
}

/* BoringSSL has no time of its own here: its timer only tells whether a flight awaits a reply. Its duration is 0, so it has
 * always expired; when a flight is repeated is decided in dtls.c. The value must not be 0, which means "no timer". */
static void current_time(const SSL *ssl, struct timeval *out) {
  (void)ssl;
  out->tv_sec = 1;
  out->tv_usec = 0;
}

/* Nothing of the certificate but its fingerprint counts (RFC 8827 section 5). BoringSSL checks that the other side has its
 * key. */
static enum ssl_verify_result_t verify(SSL *ssl, uint8_t *alert) {
  struct prtc_handshake *handshake = BIO_get_data(SSL_get_rbio(ssl));
  const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(ssl);
  const CRYPTO_BUFFER *certificate = chain != NULL ? sk_CRYPTO_BUFFER_value(chain, 0) : NULL;
  if (handshake->fingerprints->count == 0) return ssl_verify_retry;
  if (certificate != NULL && prtc_fingerprint_set_matches(handshake->fingerprints, CRYPTO_BUFFER_data(certificate),
                                                          CRYPTO_BUFFER_len(certificate))) {
    return ssl_verify_ok;
  }
  handshake->mismatch = true;
  *alert = SSL_AD_BAD_CERTIFICATE;
  return ssl_verify_invalid;
}

/* Remembers our Finished in plain text (it fits into one fragment always). */
static void watch_message(int is_write, int version, int type, const void *data, size_t size, SSL *ssl, void *argument) {
  struct prtc_handshake *handshake = argument;
  (void)version;
  (void)ssl;
  if (is_write && type == SSL3_RT_HANDSHAKE && size == sizeof handshake->last_flight.finished &&
      *(const uint8_t *)data == HANDSHAKE_FINISHED) {
    memcpy(handshake->last_flight.finished, data, size);
  }
}

/* A line of the NSS key log format, for who wants to decrypt what was captured elsewhere. */
static void log_key(const SSL *ssl, const char *line) {
  const struct prtc_handshake *handshake = BIO_get_data(SSL_get_rbio(ssl));
  size_t size = strlen(line);
  if (!prtc_sink_reserve(handshake->context, &handshake->context->keys, size + 1)) return;
  prtc_sink_append(&handshake->context->keys, line, size);
  prtc_sink_append(&handshake->context->keys, "\n", 1);
}

/* ------------------------------------------------------------------------------------------------------------ object */

static SSL_CTX *ssl_context_new(const struct prtc_certificate *certificate) {
  SSL_CTX *ssl_context = SSL_CTX_new(DTLS_with_buffers_method());
  if (ssl_context == NULL) return NULL;
  CRYPTO_BUFFER *chain[] = {certificate->der};
  SSL_CTX_set_options(ssl_context, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
  SSL_CTX_set_session_cache_mode(ssl_context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_current_time_cb(ssl_context, current_time);
  if (certificate->context->keys.bound != 0) SSL_CTX_set_keylog_callback(ssl_context, log_key);
  SSL_CTX_set_max_cert_list(ssl_context, MESSAGE_SIZE_MAX);
  SSL_CTX_set_custom_verify(ssl_context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
  if (!SSL_CTX_set_min_proto_version(ssl_context, DTLS1_2_VERSION) ||
      !SSL_CTX_set_max_proto_version(ssl_context, DTLS1_2_VERSION) ||
      !SSL_CTX_set_strict_cipher_list(ssl_context, cipher_list) ||
      !SSL_CTX_set_chain_and_key(ssl_context, chain, 1, certificate->key, NULL)) {
    SSL_CTX_free(ssl_context);
    return NULL;
  }
  return ssl_context;
}

static bool ssl_setup(struct prtc_handshake *handshake, prtc_certificate *certificate, bool server, uint32_t mtu,
                      bool use_srtp) {
  if (certificate->ssl_context == NULL) certificate->ssl_context = ssl_context_new(certificate);
  if (certificate->ssl_context == NULL) return false;
  handshake->ssl = SSL_new(certificate->ssl_context);
  handshake->bio_method = prtc_bio_method_new(bio_read, bio_write);
  BIO *bio = handshake->ssl != NULL && handshake->bio_method != NULL ? BIO_new(handshake->bio_method) : NULL;
  if (bio == NULL) return false;
  BIO_set_data(bio, handshake);
  BIO_set_init(bio, 1);
  SSL_set_bio(handshake->ssl, bio, bio);
  SSL_set_msg_callback(handshake->ssl, watch_message);
  SSL_set_msg_callback_arg(handshake->ssl, handshake);
  DTLSv1_set_initial_timeout_duration(handshake->ssl, 0);
  if (server) SSL_set_accept_state(handshake->ssl);
  else SSL_set_connect_state(handshake->ssl);
  return SSL_set_mtu(handshake->ssl, mtu) && (!use_srtp || SSL_set_srtp_profiles(handshake->ssl, srtp_profiles));
}

struct prtc_handshake *prtc_handshake_new(prtc_context *context, prtc_certificate *certificate, bool server, uint32_t mtu,
                                          bool use_srtp, const struct prtc_fingerprint_set *fingerprints,
                                          struct prtc_queue *out) {
  struct prtc_handshake *handshake = prtc_allocate(context, sizeof *handshake);
  if (handshake == NULL) return NULL;
  handshake->context = context;
  handshake->fingerprints = fingerprints;
  handshake->out = out;
  handshake->filter.server = server;
  struct prtc_context *previous = prtc_enter(context);
  bool ok = ssl_setup(handshake, certificate, server, mtu, use_srtp);
  ERR_clear_error();
  prtc_leave(previous);
  if (ok) return handshake;
  prtc_handshake_free(handshake);
  return NULL;
}

void prtc_handshake_free(struct prtc_handshake *handshake) {
  if (handshake == NULL) return;
  struct prtc_context *previous = prtc_enter(handshake->context);
  SSL_free(handshake->ssl);
  BIO_meth_free(handshake->bio_method);
  prtc_leave(previous);
  prtc_release(handshake->context, handshake);
}

/* ------------------------------------------------------------------------------------------------------------- steps */

/* The reasons above this are the other side's alerts: reason - 1000 is the alert of RFC 5246 section 7.2. */
enum { ALERT_REASONS = SSL_AD_REASON_OFFSET };

static enum prtc_handshake_result explain_failure(struct prtc_handshake *handshake) {
  struct prtc_text text = prtc_text_of(handshake->text, sizeof handshake->text);
  uint32_t error = ERR_peek_error();
  int reason = ERR_GET_REASON(error);
  if (handshake->mismatch) {
    handshake->code = PRTC_ERROR_FINGERPRINT_MISMATCH;
    prtc_text_print(&text, "%s", prtc_strerror(handshake->code));
  } else if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= ALERT_REASONS) {
    handshake->code = PRTC_ERROR_DTLS_ALERT;
    prtc_text_print(&text, "the other side's alert: %s", SSL_alert_desc_string_long(reason - ALERT_REASONS));
  } else if (reason == ERR_R_MALLOC_FAILURE) {
    handshake->code = PRTC_ERROR_NO_MEMORY;
    prtc_text_print(&text, "%s", prtc_strerror(handshake->code));
  } else {
    const char *sentence = ERR_reason_error_string(error);
    handshake->code = PRTC_ERROR_PROTOCOL;
    prtc_text_print(&text, "the handshake failed: %s", sentence != NULL ? sentence : "no reason known");
  }
  return PRTC_HANDSHAKE_FAILED;
}

static enum prtc_handshake_result step(struct prtc_handshake *handshake) {
  int result = SSL_do_handshake(handshake->ssl);
  if (result == 1) return PRTC_HANDSHAKE_DONE;
  switch (SSL_get_error(handshake->ssl, result)) {
    case SSL_ERROR_WANT_READ:
      return PRTC_HANDSHAKE_MORE;
    case SSL_ERROR_WANT_CERTIFICATE_VERIFY:
      return PRTC_HANDSHAKE_PAUSED;
    case SSL_ERROR_ZERO_RETURN:
      return PRTC_HANDSHAKE_CLOSED;
    default:
      return explain_failure(handshake);
  }
}

enum prtc_handshake_result prtc_handshake_advance(struct prtc_handshake *handshake, const uint8_t *data, size_t size) {
  struct prtc_context *previous = prtc_enter(handshake->context);
  handshake->wrote = false;
  handshake->input = data;
  handshake->input_size = size;
  handshake->input_early = false;
  enum prtc_handshake_result result = step(handshake);
  handshake->input = NULL;
  ERR_clear_error();
  prtc_leave(previous);
  return result;
}

bool prtc_handshake_awaits_reply(const struct prtc_handshake *handshake) {
  struct timeval left;
  return DTLSv1_get_timeout(handshake->ssl, &left) == 1;
}

enum prtc_handshake_result prtc_handshake_retransmit(struct prtc_handshake *handshake) {
  struct prtc_context *previous = prtc_enter(handshake->context);
  handshake->wrote = false;
  enum prtc_handshake_result result = PRTC_HANDSHAKE_MORE;
  if (DTLSv1_handle_timeout(handshake->ssl) < 0) result = explain_failure(handshake);
  ERR_clear_error();
  prtc_leave(previous);
  return result;
}

void prtc_handshake_cancel(struct prtc_handshake *handshake) {
  struct prtc_context *previous = prtc_enter(handshake->context);
  SSL_send_fatal_alert(handshake->ssl, SSL_AD_USER_CANCELLED);
  ERR_clear_error();
  prtc_leave(previous);
}
