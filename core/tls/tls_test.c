/* TLS client streams and a server of BoringSSL's: who is believed, bytes both ways, what breaks.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/tls/server_test.h"

enum { ROOM = 256 * 1024 };

static prtc_context *context; /* of the client; entered for the server as well */
static struct identity authority, other_authority, intermediate;
static struct prtc_trust *trust;
static struct tls_server server;
static struct prtc_tls *tls;
static uint8_t buffer[ROOM], plain[ROOM];
static size_t to_server, to_client; /* plain bytes that have come */
static uint8_t client_got[ROOM], server_got[ROOM];
static size_t piece = SIZE_MAX;     /* the client is given so many bytes at once */
static size_t flipped = SIZE_MAX, sent; /* this byte of what the server sends is changed on its way */

static struct identity leaf(const char *alternative_names) {
  return identity_new(&(struct identity_config){.common_name = "turn.example.org",
                                                .alternative_names = alternative_names,
                                                .usage = "serverAuth",
                                                .from = NOW - DAY,
                                                .until = NOW + DAY,
                                                .issuer = &authority});
}

static void begin(const struct identity *own, const char *host, uint16_t version) {
  const struct prtc_tls_config config = {.host = host, .trust = trust, .wall_clock = NOW};
  to_server = to_client = sent = 0;
  tls_server_init(&server, own, NULL, version);
  tls = prtc_tls_new(context, &config);
  PRTC_REQUIRE(tls != NULL);
}

static void end(void) {
  prtc_tls_free(tls);
  tls_server_clear(&server);
  tls = NULL;
}

/* Gives bytes to the client; its last code. */
static int give(const uint8_t *data, size_t size) {
  int code = 0;
  for (size_t at = 0; at < size;) {
    size_t left = size - at < piece ? size - at : piece, whole = left;
    uint8_t *copy = malloc(left); /* of the exact size */
    PRTC_REQUIRE(copy != NULL);
    memcpy(copy, data + at, left);
    const uint8_t *next = copy;
    while ((code = prtc_tls_receive(tls, &next, &left, plain, sizeof plain)) > 0) {
      memcpy(client_got + to_client, plain, (size_t)code);
      to_client += (size_t)code;
    }
    free(copy);
    if (code == 0) PRTC_REQUIRE(left == 0);
    at += whole;
  }
  return code;
}

/* Carries bytes until there are none. The last code of the client. */
static int run(void) {
  int code = 0;
  for (bool busy = true; busy;) {
    busy = false;
    size_t size = prtc_tls_transmit(tls, buffer, sizeof buffer);
    if (size > 0) {
      busy = true;
      to_server += tls_server_take(&server, buffer, size, server_got + to_server, sizeof server_got - to_server);
    }
    size = tls_server_give(&server, buffer, sizeof buffer);
    if (size == 0) continue;
    busy = true;
    if (flipped >= sent && flipped < sent + size) buffer[flipped - sent] ^= 0x20;
    sent += size;
    int result = give(buffer, size);
    if (result < 0) code = result;
  }
  return code;
}

static void check_refused(const struct identity *own, const char *host, const char *reason) {
  begin(own, host, 0);
  PRTC_CHECK_INT(run(), PRTC_ERROR_PROTOCOL);
  PRTC_CHECK_INT(prtc_tls_get_state(tls), PRTC_TLS_FAILED);
  PRTC_CHECK_TEXT(prtc_tls_error(tls), reason);
  PRTC_CHECK_INT(prtc_tls_write(tls, plain, 1), PRTC_ERROR_CLOSED);
  PRTC_CHECK(SSL_is_init_finished(server.ssl) == 0 || to_server == 0);
  const uint8_t *next = plain;
  size_t left = 5;
  PRTC_CHECK_INT(prtc_tls_receive(tls, &next, &left, plain, sizeof plain), PRTC_ERROR_CLOSED);
  PRTC_CHECK_INT(left, 0);
  end();
}

static void check_accepted(const struct identity *own, const char *host) {
  begin(own, host, 0);
  PRTC_CHECK_INT(run(), 0);
  PRTC_CHECK_INT(prtc_tls_get_state(tls), PRTC_TLS_OPEN);
  PRTC_CHECK_TEXT(prtc_tls_error(tls), "");
  end();
}

/* -------------------------------------------------------------------------------------------------------------- streams */

static void versions_and_bytes(void) {
  static const uint16_t versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  static const size_t pieces[] = {SIZE_MAX, 1, 7, 1000};
  static uint8_t data[40000];
  struct identity own = leaf("DNS:turn.example.org");
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
  for (size_t v = 0; v < 2; v++) {
    for (size_t p = 0; p < 4; p++) {
      piece = pieces[p];
      begin(&own, "turn.example.org", versions[v]);
      PRTC_CHECK_INT(prtc_tls_write(tls, data, 1), PRTC_ERROR_AGAIN);
      PRTC_CHECK_INT(run(), 0);
      PRTC_CHECK_INT(prtc_tls_get_state(tls), PRTC_TLS_OPEN);
      PRTC_CHECK_INT(SSL_version(server.ssl), versions[v]);
      PRTC_CHECK_TEXT(SSL_get_servername(server.ssl, TLSEXT_NAMETYPE_host_name), "turn.example.org");
      PRTC_CHECK_INT(prtc_tls_write(tls, data, sizeof data), PRTC_OK);
      PRTC_CHECK_INT(prtc_tls_write(tls, data, 0), PRTC_OK);
      PRTC_CHECK_INT(run(), 0);
      PRTC_CHECK(to_server == sizeof data && memcmp(server_got, data, sizeof data) == 0);
      PRTC_CHECK_INT(SSL_write(server.ssl, data, sizeof data), sizeof data);
      PRTC_CHECK_INT(run(), 0);
      PRTC_CHECK(to_client == sizeof data && memcmp(client_got, data, sizeof data) == 0);
      /* Goodbye of the server's, or of ours */
      if (p % 2 == 0) {
        (void)SSL_shutdown(server.ssl);
        PRTC_CHECK_INT(run(), PRTC_ERROR_CLOSED);
        PRTC_CHECK_INT(prtc_tls_get_state(tls), PRTC_TLS_CLOSED);
      } else {
        prtc_tls_close(tls);
        PRTC_CHECK_INT(run(), 0);
        PRTC_CHECK(SSL_get_shutdown(server.ssl) & SSL_RECEIVED_SHUTDOWN);
      }
      PRTC_CHECK_INT(prtc_tls_write(tls, data, 1), PRTC_ERROR_CLOSED);
      end();
    }
  }
  piece = SIZE_MAX;
  identity_free(&own);
}

/* What is not taken is bounded. */
static void output_is_bounded(void) {
  struct identity own = leaf("DNS:turn.example.org");
  begin(&own, "turn.example.org", 0);
  PRTC_CHECK_INT(run(), 0);
  int writes = 0;
  while (prtc_tls_write(tls, plain, 16000) == PRTC_OK) PRTC_REQUIRE(++writes < 100);
  PRTC_CHECK(writes >= 4 && writes <= 6);
  PRTC_CHECK(prtc_tls_has_output(tls));
  size_t total = 0, size;
  while ((size = prtc_tls_transmit(tls, buffer, 1000)) > 0) { /* in small pieces */
    total += size;
    to_server += tls_server_take(&server, buffer, size, server_got + to_server, sizeof server_got - to_server);
  }
  PRTC_CHECK(total > (size_t)writes * 16000 && to_server == (size_t)writes * 16000);
  PRTC_CHECK(!prtc_tls_has_output(tls));
  PRTC_CHECK_INT(prtc_tls_write(tls, plain, 1), PRTC_OK);
  end();
  identity_free(&own);
}

static void versions_that_are_old(void) {
  struct identity own = leaf("DNS:turn.example.org");
  begin(&own, "turn.example.org", TLS1_1_VERSION);
  PRTC_CHECK_INT(run(), PRTC_ERROR_PROTOCOL);
  PRTC_CHECK_TEXT(prtc_tls_error(tls), "the TLS handshake with the server has failed");
  end();
  identity_free(&own);
}

/* The same seed gives the same bytes. */
static void deterministic(void) {
  uint8_t hellos[2][2048];
  size_t sizes[2];
  for (int i = 0; i < 2; i++) {
    prtc_context_config config;
    PRTC_INIT(&config);
    prtc_context *own = prtc_context_new(&config);
    const struct prtc_tls_config stream = {.host = "turn.example.org", .insecure = true};
    struct prtc_tls *made = prtc_tls_new(own, &stream);
    PRTC_REQUIRE(made != NULL);
    sizes[i] = prtc_tls_transmit(made, hellos[i], sizeof hellos[i]);
    prtc_tls_free(made);
    prtc_context_free(own);
  }
  PRTC_CHECK(sizes[0] > 100 && sizes[0] == sizes[1] && memcmp(hellos[0], hellos[1], sizes[0]) == 0);
}

/* ------------------------------------------------------------------------------------------------------ who is believed */

static void names(void) {
  static const char *const another = "the server's certificate is for another host";
  struct identity own = leaf("DNS:turn.example.org,DNS:*.wild.example.org,IP:192.0.2.1,IP:2001:db8::1");
  check_accepted(&own, "turn.example.org");
  check_accepted(&own, "TURN.example.org");
  check_accepted(&own, "a.wild.example.org");
  check_accepted(&own, "192.0.2.1");
  check_accepted(&own, "2001:db8::1");
  check_refused(&own, "example.org", another);
  check_refused(&own, "turn.example.org.evil.example", another);
  check_refused(&own, "a.b.wild.example.org", another);
  check_refused(&own, "wild.example.org", another);
  check_refused(&own, "192.0.2.2", another);
  check_refused(&own, "2001:db8::2", another);
  begin(&own, "192.0.2.1", 0); /* RFC 6066 section 3: an address is no server name */
  PRTC_CHECK_INT(run(), 0);
  PRTC_CHECK(SSL_get_servername(server.ssl, TLSEXT_NAMETYPE_host_name) == NULL);
  end();
  identity_free(&own);
  own = leaf(NULL); /* the common name alone */
  check_refused(&own, "turn.example.org", another);
  identity_free(&own);
  own = leaf("DNS:192.0.2.1"); /* an address is no name */
  check_refused(&own, "192.0.2.1", another);
  identity_free(&own);
}

static void times(void) {
  struct identity_config config = {.common_name = "x", .alternative_names = "DNS:turn.example.org", .issuer = &authority};
  config.from = NOW - 2 * DAY, config.until = NOW - 1;
  struct identity own = identity_new(&config);
  check_refused(&own, "turn.example.org", "the server's certificate has expired");
  identity_free(&own);
  config.from = NOW + 1, config.until = NOW + DAY;
  own = identity_new(&config);
  check_refused(&own, "turn.example.org", "the server's certificate is not valid yet");
  identity_free(&own);
  own = leaf("DNS:turn.example.org");
  const struct prtc_tls_config stream = {.host = "turn.example.org", .trust = trust};
  tls_server_init(&server, &own, NULL, 0);
  tls = prtc_tls_new(context, &stream);
  PRTC_REQUIRE(tls != NULL);
  PRTC_CHECK_INT(run(), PRTC_ERROR_PROTOCOL);
  PRTC_CHECK_TEXT(prtc_tls_error(tls), "without the time of day no certificate is valid");
  end();
  identity_free(&own);
}

static void issuers(void) {
  static const char *const nobody = "the server's certificate is from nobody who is trusted";
  struct identity_config config = {
      .common_name = "x", .alternative_names = "DNS:turn.example.org", .from = NOW - DAY, .until = NOW + DAY};
  struct identity own = identity_new(&config); /* itself */
  check_refused(&own, "turn.example.org", nobody);
  identity_free(&own);
  config.issuer = &other_authority;
  own = identity_new(&config);
  check_refused(&own, "turn.example.org", nobody);
  identity_free(&own);
  config.issuer = &intermediate; /* without and with what is between */
  own = identity_new(&config);
  check_refused(&own, "turn.example.org", nobody);
  begin(&own, "turn.example.org", 0);
  tls_server_clear(&server);
  tls_server_init(&server, &own, &intermediate, 0);
  PRTC_CHECK_INT(run(), 0);
  PRTC_CHECK_INT(prtc_tls_get_state(tls), PRTC_TLS_OPEN);
  end();
  struct identity of_leaf = leaf("DNS:turn.example.org"); /* one that is no authority has signed */
  config.issuer = &of_leaf;
  identity_free(&own);
  own = identity_new(&config);
  begin(&own, "turn.example.org", 0);
  tls_server_clear(&server);
  tls_server_init(&server, &own, &of_leaf, 0);
  PRTC_CHECK_INT(run(), PRTC_ERROR_PROTOCOL);
  PRTC_CHECK_INT(prtc_tls_get_state(tls), PRTC_TLS_FAILED);
  end();
  identity_free(&own);
  identity_free(&of_leaf);
  config.issuer = &authority;
  config.usage = "clientAuth";
  own = identity_new(&config);
  check_refused(&own, "turn.example.org", "the server's certificate is not for servers");
  identity_free(&own);
}

/* The choice to believe anybody. */
static void insecure(void) {
  struct identity own = identity_new(&(struct identity_config){.common_name = "x", .from = NOW - 2 * DAY,
                                                               .until = NOW - DAY});
  const struct prtc_tls_config config = {.host = "turn.example.org", .insecure = true};
  tls_server_init(&server, &own, NULL, 0);
  tls = prtc_tls_new(context, &config);
  PRTC_REQUIRE(tls != NULL);
  PRTC_CHECK_INT(run(), 0);
  PRTC_CHECK_INT(prtc_tls_get_state(tls), PRTC_TLS_OPEN);
  end();
  const struct prtc_tls_config neither = {.host = "turn.example.org", .wall_clock = NOW};
  PRTC_CHECK(prtc_tls_new(context, &neither) == NULL);
  identity_free(&own);
}

static void anchors(void) {
  static char text[32768];
  static const char junk[] = "# a comment\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
                             "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  struct prtc_trust *made = NULL;
  size_t size = strlen(junk);
  memcpy(text, junk, size);
  PRTC_CHECK_INT(prtc_trust_parse(context, (const uint8_t *)"", 0, &made), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_trust_parse(context, (const uint8_t *)text, size, &made), PRTC_ERROR_SYNTAX);
  size = identity_print(&other_authority, text, size, sizeof text);
  memcpy(text + size, junk, strlen(junk));
  size += strlen(junk);
  size = identity_print(&authority, text, size, sizeof text);
  size = identity_print(&authority, text, size, sizeof text); /* twice */
  PRTC_REQUIRE(prtc_trust_parse(context, (const uint8_t *)text, size, &made) == PRTC_OK);
  PRTC_CHECK_INT(prtc_trust_count(made), 3);
  struct identity own = leaf("DNS:turn.example.org");
  struct prtc_trust *former = trust;
  trust = made;
  check_accepted(&own, "turn.example.org");
  trust = former;
  identity_free(&own);
  PRTC_CHECK(prtc_trust_retain(made) == made);
  prtc_trust_release(made);
  for (size_t cut = 0; cut < size; cut += 7) { /* of its exact size */
    uint8_t *copy = malloc(cut + 1);
    struct prtc_trust *of_part = NULL;
    PRTC_REQUIRE(copy != NULL);
    memcpy(copy, text, cut);
    if (prtc_trust_parse(context, copy, cut, &of_part) == PRTC_OK) prtc_trust_release(of_part);
    free(copy);
  }
  prtc_trust_release(made);
  prtc_trust_release(NULL);
}

/* A certificate that is its own authority, as people make them for one server. */
static void its_own_authority(void) {
  static char text[8192];
  struct identity own = identity_new(&(struct identity_config){
      .common_name = "x", .alternative_names = "IP:192.0.2.1", .from = NOW - DAY, .until = NOW + DAY, .authority = true});
  struct prtc_trust *former = trust;
  size_t size = identity_print(&own, text, 0, sizeof text);
  PRTC_REQUIRE(prtc_trust_parse(context, (const uint8_t *)text, size, &trust) == PRTC_OK);
  check_accepted(&own, "192.0.2.1");
  check_refused(&own, "192.0.2.2", "the server's certificate is for another host");
  prtc_trust_release(trust);
  trust = former;
  identity_free(&own);
}

/* -------------------------------------------------------------------------------------------------------------- hostile */

/* Whatever bit is changed on the way, the stream never opens on what was changed. */
static void every_byte_counts(void) {
  static const uint16_t versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  struct identity own = leaf("DNS:turn.example.org");
  for (size_t v = 0; v < 2; v++) {
    begin(&own, "turn.example.org", versions[v]);
    PRTC_CHECK_INT(run(), 0);
    size_t total = sent, opened = 0;
    end();
    for (flipped = 0; flipped < total; flipped++) {
      begin(&own, "turn.example.org", versions[v]);
      int code = run();
      PRTC_CHECK(code == 0 || code == PRTC_ERROR_PROTOCOL || code == PRTC_ERROR_CLOSED);
      opened += prtc_tls_get_state(tls) == PRTC_TLS_OPEN;
      end();
    }
    /* Versions of records are not looked at, nor is what comes after the handshake (tickets) before it is read. */
    PRTC_CHECK(opened < 64);
    flipped = SIZE_MAX;
  }
  identity_free(&own);
}

static void not_tls(void) {
  static const char *const texts[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x03\xFF\xFF", "\x15\x03\x03\0\2\2\x28",
                                      "\0\0\0\0\0\0\0\0"};
  static const size_t sizes[] = {28, 5, 7, 8};
  struct identity own = leaf("DNS:turn.example.org");
  for (size_t i = 0; i < 4; i++) {
    begin(&own, "turn.example.org", 0);
    PRTC_CHECK_INT(give((const uint8_t *)texts[i], sizes[i]), PRTC_ERROR_PROTOCOL);
    PRTC_CHECK_INT(prtc_tls_get_state(tls), PRTC_TLS_FAILED);
    end();
  }
  identity_free(&own);
}

/* --------------------------------------------------------------------------------------------------------------- memory */

static struct prtc_meter meter;
static const struct identity *metered_identity;

static int live(void *unused) {
  (void)unused;
  prtc_allocator allocator = prtc_metered(&meter);
  prtc_context_config config;
  PRTC_INIT(&config);
  config.allocator = &allocator;
  prtc_context *former = context;
  context = prtc_context_new(&config);
  int result = PRTC_ERROR_NO_MEMORY;
  if (context != NULL) {
    const struct prtc_tls_config stream = {.host = "turn.example.org", .trust = trust, .wall_clock = NOW};
    to_server = to_client = sent = 0;
    tls_server_init(&server, metered_identity, NULL, 0);
    tls = prtc_tls_new(context, &stream);
    int code = tls != NULL ? run() : PRTC_ERROR_NO_MEMORY;
    if (code == 0) code = prtc_tls_write(tls, plain, 20000);
    PRTC_CHECK(code == 0 || code == PRTC_ERROR_NO_MEMORY);
    if (code == 0) result = 0;
    end();
  }
  prtc_context_free(context);
  context = former;
  return result;
}

static void without_memory(void) {
  struct identity own = leaf("DNS:turn.example.org");
  metered_identity = &own;
  meter = (struct prtc_meter){.left = -1};
  PRTC_CHECK(prtc_run_out_of_memory(&meter, live, NULL) >= 4);
  identity_free(&own);
}

int main(void) {
  static char text[8192];
  prtc_context_config config;
  PRTC_INIT(&config);
  context = prtc_context_new(&config);
  struct prtc_context *previous = prtc_enter(context);
  struct identity_config made = {.common_name = "authority", .from = NOW - 100 * DAY, .until = NOW + 100 * DAY,
                                 .authority = true};
  authority = identity_new(&made);
  made.common_name = "intermediate";
  made.issuer = &authority;
  intermediate = identity_new(&made);
  made.common_name = "other";
  made.issuer = NULL;
  other_authority = identity_new(&made);
  size_t size = identity_print(&authority, text, 0, sizeof text);
  PRTC_REQUIRE(prtc_trust_parse(context, (const uint8_t *)text, size, &trust) == PRTC_OK);
  PRTC_RUN(versions_and_bytes);
  PRTC_RUN(output_is_bounded);
  PRTC_RUN(versions_that_are_old);
  PRTC_RUN(deterministic);
  PRTC_RUN(names);
  PRTC_RUN(times);
  PRTC_RUN(issuers);
  PRTC_RUN(insecure);
  PRTC_RUN(anchors);
  PRTC_RUN(its_own_authority);
  PRTC_RUN(every_byte_counts);
  PRTC_RUN(not_tls);
  PRTC_RUN(without_memory);
  prtc_trust_release(trust);
  identity_free(&authority);
  identity_free(&other_authority);
  identity_free(&intermediate);
  prtc_leave(previous);
  prtc_context_free(context);
  return PRTC_TEST_RESULT();
}
