/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/tls/tls.h"

#include <limits.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/base/bio.h"
#include "core/base/context.h"
#include "core/tls/trust.h"

/* For TLS 1.2: explicit, since BoringSSL's default order depends on the processor. (Of TLS 1.3 it cannot be said: there the
 * order of the ClientHello tells whether the processor has AES.) */
static const char cipher_list[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* What waits to be transmitted: while there is more, nothing is written. */
enum { OUTPUT_MANY = 64 * 1024 };

struct prtc_tls {
  prtc_context *context;
  enum prtc_tls_state state;
  SSL_CTX *ssl_context;
  SSL *ssl;
  BIO_METHOD *bio_method;
  struct prtc_trust *trust;
  char *host;
  bool insecure;
  int64_t wall_clock;
  const char *reason;      /* why it has failed; static */
  const uint8_t *input;    /* of the call at hand */
  size_t input_size;
  uint8_t *output;         /* [first, last) waits */
  size_t output_first, output_last, output_capacity;
  bool no_memory;
};

/* ----------------------------------------------------------------------------------------- what BoringSSL calls back to */

static bool reserve(struct prtc_tls *tls, size_t size) {
  size_t waiting = tls->output_last - tls->output_first;
  if (tls->output_first > 0) {
    memmove(tls->output, tls->output + tls->output_first, waiting);
    tls->output_first = 0;
    tls->output_last = waiting;
  }
  if (size <= tls->output_capacity - waiting) return true;
  size_t capacity = tls->output_capacity * 2 > waiting + size ? tls->output_capacity * 2 : waiting + size;
  uint8_t *larger = prtc_reallocate(tls->context, tls->output, capacity);
  if (larger == NULL) return false;
  tls->output = larger;
  tls->output_capacity = capacity;
  return true;
}

static int bio_write(BIO *bio, const char *data, int size) {
  struct prtc_tls *tls = BIO_get_data(bio);
  if (!reserve(tls, (size_t)size)) {
    tls->no_memory = true;
    return -1;
  }
  memcpy(tls->output + tls->output_last, data, (size_t)size);
  tls->output_last += (size_t)size;
  return size;
}

static int bio_read(BIO *bio, char *out, int capacity) {
  struct prtc_tls *tls = BIO_get_data(bio);
  size_t size = tls->input_size < (size_t)capacity ? tls->input_size : (size_t)capacity;
  BIO_clear_retry_flags(bio);
  if (size == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  memcpy(out, tls->input, size);
  tls->input += size;
  tls->input_size -= size;
  return (int)size;
}

/* Time stands still: sessions are not resumed. */
static void current_time(const SSL *ssl, struct timeval *out) {
  (void)ssl;
  out->tv_sec = 1;
  out->tv_usec = 0;
}

static enum ssl_verify_result_t verify(SSL *ssl, uint8_t *alert) {
  struct prtc_tls *tls = BIO_get_data(SSL_get_rbio(ssl));
  const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(ssl);
  if (tls->insecure) return ssl_verify_ok;
  bool good = chain != NULL &&
              prtc_trust_verify(tls->trust, chain, tls->host, tls->wall_clock, &tls->reason, alert);
  return good ? ssl_verify_ok : ssl_verify_invalid;
}

static void log_key(const SSL *ssl, const char *line) {
  const struct prtc_tls *tls = BIO_get_data(SSL_get_rbio(ssl));
  size_t size = strlen(line);
  if (!prtc_sink_reserve(tls->context, &tls->context->keys, size + 1)) return;
  prtc_sink_append(&tls->context->keys, line, size);
  prtc_sink_append(&tls->context->keys, "\n", 1);
}

/* ----------------------------------------------------------------------------------------------------------------- life */

static bool set_up(struct prtc_tls *tls) {
  prtc_address address;
  tls->ssl_context = SSL_CTX_new(TLS_with_buffers_method());
  if (tls->ssl_context == NULL) return false;
  SSL_CTX_set_options(tls->ssl_context, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(tls->ssl_context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_current_time_cb(tls->ssl_context, current_time);
  SSL_CTX_set_custom_verify(tls->ssl_context, SSL_VERIFY_PEER, verify);
  if (tls->context->keys.bound != 0) SSL_CTX_set_keylog_callback(tls->ssl_context, log_key);
  if (!SSL_CTX_set_min_proto_version(tls->ssl_context, TLS1_2_VERSION) ||
      !SSL_CTX_set_max_proto_version(tls->ssl_context, TLS1_3_VERSION) ||
      !SSL_CTX_set_strict_cipher_list(tls->ssl_context, cipher_list)) {
    return false;
  }
  tls->ssl = SSL_new(tls->ssl_context);
  tls->bio_method = prtc_bio_method_new(bio_read, bio_write);
  BIO *bio = tls->ssl != NULL && tls->bio_method != NULL ? BIO_new(tls->bio_method) : NULL;
  if (bio == NULL) return false;
  BIO_set_data(bio, tls);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls->ssl, bio, bio);
  SSL_set_connect_state(tls->ssl);
  /* RFC 6066 section 3: names alone */
  if (prtc_address_parse(&address, tls->host, strlen(tls->host)) == PRTC_OK) return true;
  return SSL_set_tlsext_host_name(tls->ssl, tls->host);
}

struct prtc_tls *prtc_tls_new(prtc_context *context, const struct prtc_tls_config *config) {
  struct prtc_tls *tls = prtc_allocate(context, sizeof *tls);
  if (tls == NULL) return NULL;
  tls->context = context;
  tls->wall_clock = config->wall_clock;
  tls->reason = "";
  if (config->trust != NULL) tls->trust = prtc_trust_retain(config->trust);
  tls->insecure = config->insecure;
  tls->host = prtc_copy_text(context, config->host, strlen(config->host));
  struct prtc_context *previous = prtc_enter(context);
  bool good = tls->host != NULL && (tls->insecure || tls->trust != NULL) && set_up(tls);
  /* The ClientHello: from here on it answers. */
  if (good) good = SSL_do_handshake(tls->ssl) < 0 && SSL_get_error(tls->ssl, -1) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  prtc_leave(previous);
  if (good) return tls;
  prtc_tls_free(tls);
  return NULL;
}

void prtc_tls_free(struct prtc_tls *tls) {
  if (tls == NULL) return;
  struct prtc_context *previous = prtc_enter(tls->context);
  SSL_free(tls->ssl);
  BIO_meth_free(tls->bio_method);
  SSL_CTX_free(tls->ssl_context);
  prtc_leave(previous);
  prtc_trust_release(tls->trust);
  prtc_release(tls->context, tls->host);
  prtc_release(tls->context, tls->output);
  prtc_release(tls->context, tls);
}

enum prtc_tls_state prtc_tls_get_state(const struct prtc_tls *tls) { return tls->state; }

const char *prtc_tls_error(const struct prtc_tls *tls) { return tls->reason; }

/* ---------------------------------------------------------------------------------------------------------------- bytes */

static int fail(struct prtc_tls *tls, const char *otherwise) {
  tls->state = PRTC_TLS_FAILED;
  if (tls->no_memory) tls->reason = "memory could not be allocated";
  if (tls->reason[0] == '\0') tls->reason = otherwise;
  PRTC_LOG(tls->context, PRTC_LOG_INFO, "tls", "failed: %s (%s)", tls->reason, ERR_reason_error_string(ERR_peek_error()));
  return tls->no_memory ? PRTC_ERROR_NO_MEMORY : PRTC_ERROR_PROTOCOL;
}

/* After a call that gave no more than 0: PRTC_OK when it only wants more bytes. */
static int result_of(struct prtc_tls *tls, int result, const char *otherwise) {
  switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return PRTC_OK;
    case SSL_ERROR_ZERO_RETURN: tls->state = PRTC_TLS_CLOSED; return PRTC_ERROR_CLOSED;
    default: return fail(tls, otherwise);
  }
}

static int advance(struct prtc_tls *tls, uint8_t *out, size_t capacity) {
  if (tls->state == PRTC_TLS_HANDSHAKING) {
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1) return result_of(tls, result, "the TLS handshake with the server has failed");
    tls->state = PRTC_TLS_OPEN;
  }
  int size = SSL_read(tls->ssl, out, capacity < INT_MAX ? (int)capacity : INT_MAX);
  return size > 0 ? size : result_of(tls, size, "the server has broken the TLS protocol");
}

int prtc_tls_receive(struct prtc_tls *tls, const uint8_t **data, size_t *size, uint8_t *out, size_t capacity) {
  if (tls->state >= PRTC_TLS_CLOSED) {
    *data += *size;
    *size = 0;
    return PRTC_ERROR_CLOSED;
  }
  struct prtc_context *previous = prtc_enter(tls->context);
  tls->input = *data;
  tls->input_size = *size;
  int result = advance(tls, out, capacity);
  ERR_clear_error();
  prtc_leave(previous);
  *data = tls->input;
  *size = tls->input_size;
  tls->input = NULL;
  tls->input_size = 0;
  return result;
}

int prtc_tls_write(struct prtc_tls *tls, const uint8_t *data, size_t size) {
  if (tls->state == PRTC_TLS_HANDSHAKING || tls->output_last - tls->output_first > OUTPUT_MANY) return PRTC_ERROR_AGAIN;
  if (tls->state != PRTC_TLS_OPEN) return PRTC_ERROR_CLOSED;
  if (size == 0) return PRTC_OK;
  struct prtc_context *previous = prtc_enter(tls->context);
  int written = size > INT_MAX ? -1 : SSL_write(tls->ssl, data, (int)size); /* all of it, for the output takes everything */
  int code = written > 0 ? PRTC_OK : fail(tls, "the TLS stream could not be written to");
  ERR_clear_error();
  prtc_leave(previous);
  return code;
}

bool prtc_tls_has_output(const struct prtc_tls *tls) { return tls->output_last > tls->output_first; }

size_t prtc_tls_transmit(struct prtc_tls *tls, uint8_t *out, size_t capacity) {
  size_t size = tls->output_last - tls->output_first;
  if (size > capacity) size = capacity;
  if (size == 0) return 0;
  memcpy(out, tls->output + tls->output_first, size);
  tls->output_first += size;
  return size;
}

void prtc_tls_close(struct prtc_tls *tls) {
  if (tls->state >= PRTC_TLS_CLOSED) return;
  struct prtc_context *previous = prtc_enter(tls->context);
  if (tls->state == PRTC_TLS_OPEN) (void)SSL_shutdown(tls->ssl);
  ERR_clear_error();
  prtc_leave(previous);
  tls->state = PRTC_TLS_CLOSED;
}
