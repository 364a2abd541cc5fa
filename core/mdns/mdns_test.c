/* The responder and resolver alone: links that come and go, time, memory. What it does on a network is in
 * tests/sim/test_mdns.py.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdbool.h>

#include <polyrtc/polyrtc.h>

#include "core/base/testing.h"

#include "core/base/context.h"
#include "core/mdns/mdns.h"

static const prtc_address v4 = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
static const prtc_address other = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 2}};

#define SECOND UINT64_C(1000000)

struct world {
  prtc_context *context;
  struct prtc_mdns *mdns;
  struct prtc_mdns_owner owner;
  prtc_time now;
  long budget; /* allocations until one fails; negative: none does */
};

static void *allocate(void *context, size_t size) {
  struct world *world = context;
  if (world->budget == 0) return NULL;
  world->budget--;
  return malloc(size);
}

static void *reallocate(void *context, void *pointer, size_t size) {
  struct world *world = context;
  if (world->budget == 0) return NULL;
  world->budget--;
  return realloc(pointer, size);
}

static void release(void *context, void *pointer) {
  (void)context;
  free(pointer);
}

static void open_world(struct world *world) {
  const prtc_allocator allocator = {world, allocate, reallocate, release};
  prtc_context_config config;
  PRTC_INIT(&config);
  config.allocator = &allocator;
  *world = (struct world){.now = 100 * SECOND, .budget = -1};
  world->context = prtc_context_new(&config);
  PRTC_REQUIRE(world->context != NULL && (world->mdns = prtc_mdns_new(world->context)) != NULL);
}

static void close_world(struct world *world) {
  world->budget = -1;
  prtc_mdns_free(world->mdns);
  prtc_context_free(world->context);
}

/* What is to be sent now: how many datagrams on each of the sockets 1 to 3. */
struct sent {
  int on[4];
};

static struct sent drain(struct world *world) {
  struct sent sent = {{0}};
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  prtc_datagram out;
  while (prtc_mdns_transmit(world->mdns, world->now, &out, buffer, sizeof buffer) > 0) {
    PRTC_REQUIRE(out.socket >= 1 && out.socket <= 3);
    PRTC_CHECK_INT(out.remote.port, 5353);
    sent.on[out.socket]++;
  }
  return sent;
}

static void pass(struct world *world, prtc_time duration) {
  world->now += duration;
  prtc_mdns_timeout(world->mdns, world->now);
  PRTC_CHECK(prtc_mdns_deadline(world->mdns) > world->now);
}

static int give(struct world *world, prtc_socket_id socket, const uint8_t *data, int size) {
  const prtc_datagram in = {
      .socket = socket,
      .remote = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 9}, .port = 5353},
      .data = data,
      .size = (size_t)size,
  };
  return prtc_mdns_receive(world->mdns, world->now, &in);
}

static void ask(struct world *world, prtc_socket_id socket, const char *name) {
  uint8_t data[128];
  PRTC_CHECK_INT(give(world, socket, data, prtc_mdns_write_query(data, sizeof data, name, PRTC_MDNS_A)), PRTC_OK);
}

static void test_links_of_their_own(void) {
  struct world world;
  open_world(&world);
  prtc_mdns_add_link(world.mdns, 1, PRTC_FAMILY_IPV4, 1);
  prtc_mdns_add_link(world.mdns, 2, PRTC_FAMILY_IPV6, 1);
  PRTC_CHECK_INT(prtc_mdns_publish(world.mdns, world.now, &world.owner, "a.local", &v4), PRTC_OK);
  PRTC_CHECK_INT(prtc_mdns_publish(world.mdns, world.now, &world.owner, "A.local", &v4), PRTC_ERROR_INVALID_STATE);
  ask(&world, 1, "a.local"); /* before it is announced */
  ask(&world, 1, "a.local");
  struct sent sent = drain(&world);
  PRTC_CHECK(sent.on[1] == 1 && sent.on[2] == 0); /* where it was asked */
  ask(&world, 2, "a.local");
  sent = drain(&world);
  PRTC_CHECK(sent.on[1] == 0 && sent.on[2] == 1); /* the second of one link is not that of another */
  pass(&world, SECOND / 2);
  ask(&world, 1, "a.local");
  PRTC_CHECK_INT(drain(&world).on[1], 0);
  PRTC_CHECK_INT(prtc_mdns_deadline(world.mdns), world.now + SECOND / 2);
  pass(&world, SECOND / 2); /* announced */
  sent = drain(&world);
  PRTC_CHECK(sent.on[1] == 1 && sent.on[2] == 1);
  prtc_mdns_remove_link(world.mdns, 2);
  pass(&world, SECOND);
  sent = drain(&world);
  PRTC_CHECK(sent.on[1] == 1 && sent.on[2] == 0);
  PRTC_CHECK(prtc_mdns_deadline(world.mdns) == PRTC_NEVER);
  PRTC_CHECK_INT(give(&world, 2, (const uint8_t *)"", 0), PRTC_ERROR_UNEXPECTED); /* its socket is none any more */
  close_world(&world);
}

static void test_a_link_that_comes_late(void) {
  struct world world;
  struct prtc_mdns_result result;
  uint8_t data[128];
  open_world(&world);
  PRTC_CHECK_INT(prtc_mdns_resolve(world.mdns, world.now, 7, "theirs.local"), PRTC_OK);
  pass(&world, SECOND / 4);
  prtc_mdns_add_link(world.mdns, 1, PRTC_FAMILY_IPV4, 1);
  PRTC_CHECK_INT(drain(&world).on[1], 2); /* A and AAAA */
  PRTC_CHECK_INT(prtc_mdns_event(world.mdns, &result), 0);
  PRTC_CHECK_INT(give(&world, 1, data, prtc_mdns_write_answer(data, sizeof data, "another.local", &other)), PRTC_OK);
  PRTC_CHECK_INT(prtc_mdns_event(world.mdns, &result), 0);
  PRTC_CHECK_INT(give(&world, 1, data, prtc_mdns_write_answer(data, sizeof data, "theirs.local", &other)), PRTC_OK);
  PRTC_CHECK_INT(give(&world, 1, data, prtc_mdns_write_answer(data, sizeof data, "theirs.local", &v4)), PRTC_OK);
  PRTC_REQUIRE(prtc_mdns_event(world.mdns, &result) == 1);
  PRTC_CHECK(result.id == 7 && result.code == PRTC_OK && prtc_address_equal(&result.address, &other));
  PRTC_CHECK_INT(prtc_mdns_event(world.mdns, &result), 0);
  PRTC_CHECK(prtc_mdns_deadline(world.mdns) == PRTC_NEVER);
  close_world(&world);
}

static void test_nobody_answers(void) {
  struct world world;
  struct prtc_mdns_result result;
  open_world(&world);
  prtc_mdns_add_link(world.mdns, 1, PRTC_FAMILY_IPV4, 1);
  prtc_mdns_resolve(world.mdns, world.now, 1, "a.local");
  prtc_mdns_resolve(world.mdns, world.now, 2, "b.local");
  prtc_mdns_cancel(world.mdns, 2);
  prtc_mdns_cancel(world.mdns, 3);
  PRTC_CHECK_INT(drain(&world).on[1], 2);
  /* Far too late: all that was to be sent meanwhile is sent once. */
  world.now += 4 * SECOND;
  prtc_mdns_timeout(world.mdns, world.now);
  PRTC_CHECK_INT(drain(&world).on[1], 2);
  PRTC_CHECK_INT(prtc_mdns_deadline(world.mdns), 107 * SECOND);
  prtc_mdns_timeout(world.mdns, 1); /* time that goes backwards */
  PRTC_CHECK_INT(prtc_mdns_event(world.mdns, &result), 0);
  pass(&world, 3 * SECOND);
  PRTC_REQUIRE(prtc_mdns_event(world.mdns, &result) == 1);
  PRTC_CHECK(result.id == 1 && result.code == PRTC_ERROR_TIMEOUT);
  PRTC_CHECK_INT(drain(&world).on[1], 0);
  close_world(&world);
}

static void test_no_links(void) {
  struct world world;
  struct prtc_mdns_result result;
  open_world(&world);
  prtc_mdns_resolve(world.mdns, world.now, 1, "a.local");
  prtc_mdns_no_links(world.mdns);
  PRTC_REQUIRE(prtc_mdns_event(world.mdns, &result) == 1);
  PRTC_CHECK(result.id == 1 && result.code == PRTC_ERROR_NOT_SUPPORTED);
  prtc_mdns_resolve(world.mdns, world.now, 2, "a.local");
  PRTC_CHECK(prtc_mdns_event(world.mdns, &result) == 1 && result.code == PRTC_ERROR_NOT_SUPPORTED);
  PRTC_CHECK_INT(prtc_mdns_publish(world.mdns, world.now, &world.owner, "ours.local", &v4), PRTC_OK);
  prtc_mdns_resolve(world.mdns, world.now, 3, "ours.local"); /* needs none */
  PRTC_CHECK(prtc_mdns_event(world.mdns, &result) == 1 && result.code == PRTC_OK);
  PRTC_CHECK(prtc_address_equal(&result.address, &v4));
  close_world(&world);
}

static void test_bounds(void) {
  struct world world;
  char name[32];
  open_world(&world);
  for (unsigned i = 1; i <= PRTC_MDNS_LINKS; i++) {
    PRTC_CHECK_INT(prtc_mdns_add_link(world.mdns, i, PRTC_FAMILY_IPV4, i), PRTC_OK);
  }
  PRTC_CHECK_INT(prtc_mdns_add_link(world.mdns, 99, PRTC_FAMILY_IPV4, 99), PRTC_ERROR_QUEUE_FULL);
  for (unsigned i = 0; i < PRTC_MDNS_QUERIES; i++) {
    snprintf(name, sizeof name, "name-%u.local", i);
    PRTC_CHECK_INT(prtc_mdns_resolve(world.mdns, world.now, i, name), PRTC_OK);
  }
  PRTC_CHECK_INT(prtc_mdns_resolve(world.mdns, world.now, 1000, "one-more.local"), PRTC_ERROR_QUEUE_FULL);
  PRTC_CHECK_INT(prtc_mdns_resolve(world.mdns, world.now, 1001, "no.name.local"), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_mdns_publish(world.mdns, world.now, &world.owner, "local", &v4), PRTC_ERROR_SYNTAX);
  close_world(&world);
}

/* Everything once more with the n-th allocation failing, for each n. */
static void test_without_memory(void) {
  for (long n = 0; n < 40; n++) {
    struct world world;
    struct prtc_mdns_result result;
    uint8_t data[128];
    open_world(&world);
    world.budget = n;
    prtc_mdns_add_link(world.mdns, 1, PRTC_FAMILY_IPV4, 1);
    int published = prtc_mdns_publish(world.mdns, world.now, &world.owner, "ours.local", &v4);
    int resolved = prtc_mdns_resolve(world.mdns, world.now, 1, "theirs.local");
    PRTC_CHECK(published == PRTC_OK || published == PRTC_ERROR_NO_MEMORY);
    PRTC_CHECK(resolved == PRTC_OK || resolved == PRTC_ERROR_NO_MEMORY);
    ask(&world, 1, "ours.local");
    (void)give(&world, 1, data, prtc_mdns_write_answer(data, sizeof data, "theirs.local", &other));
    PRTC_CHECK_INT(prtc_mdns_event(world.mdns, &result), resolved == PRTC_OK);
    prtc_mdns_withdraw(world.mdns, &world.owner);
    PRTC_CHECK(world.owner.first == NULL && prtc_mdns_deadline(world.mdns) == PRTC_NEVER);
    close_world(&world);
  }
}

/* What is to be sent when its object goes is not. */
static void test_withdrawn_while_due(void) {
  struct world world;
  open_world(&world);
  prtc_mdns_add_link(world.mdns, 1, PRTC_FAMILY_IPV4, 1);
  prtc_mdns_publish(world.mdns, world.now, &world.owner, "a.local", &v4);
  prtc_mdns_publish(world.mdns, world.now, &world.owner, "b.local", &v4);
  struct prtc_mdns_owner second = {0};
  prtc_mdns_publish(world.mdns, world.now, &second, "c.local", &v4);
  ask(&world, 1, "a.local");
  ask(&world, 1, "b.local");
  ask(&world, 1, "c.local");
  prtc_mdns_withdraw(world.mdns, &second);
  ask(&world, 1, "c.local");
  PRTC_CHECK_INT(drain(&world).on[1], 2);
  ask(&world, 1, "b.local");
  prtc_mdns_withdraw(world.mdns, &world.owner);
  prtc_mdns_resolve(world.mdns, world.now, 1, "a.local"); /* not ours any more */
  PRTC_CHECK_INT(drain(&world).on[1], 2);
  close_world(&world);
}

int main(void) {
  PRTC_RUN(test_links_of_their_own);
  PRTC_RUN(test_a_link_that_comes_late);
  PRTC_RUN(test_nobody_answers);
  PRTC_RUN(test_no_links);
  PRTC_RUN(test_bounds);
  PRTC_RUN(test_without_memory);
  PRTC_RUN(test_withdrawn_while_due);
  return PRTC_TEST_RESULT();
}
