/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/mdns/mdns.h"

#include <string.h>

#include <polyrtc/endpoint.h>
#include <polyrtc/error.h>

#include "core/base/context.h"
#include "core/base/heap.h"
#include "core/base/map.h"
#include "core/base/queue.h"

#define SECOND UINT64_C(1000000)

/* Questions of one message for names of ours: more are not answered. */
enum { QUESTIONS = 16 };

enum { ANNOUNCEMENTS = 2 }; /* RFC 6762 section 8.3 */

/* Something to send on several links, in the list of those that have something. */
struct item {
  struct item *next;
  struct prtc_heap_node timer;
  uint32_t due[2]; /* links, as bits: of a query for A and for AAAA, of an answer the first alone */
  bool is_listed, is_query;
};

struct prtc_mdns_own {
  struct item item;
  struct prtc_mdns_own *next; /* of its owner */
  char name[PRTC_MDNS_NAME_SIZE];
  prtc_address address;
  unsigned announcements; /* still to be made */
  bool conflict_told;
  prtc_time free_at[PRTC_MDNS_LINKS]; /* when it may be answered again */
};

struct query {
  struct item item;
  uint64_t id;
  char name[PRTC_MDNS_NAME_SIZE];
  prtc_time began;
  unsigned sent; /* how often */
  bool is_done;
  int code;
  prtc_address address;
};

struct link {
  prtc_socket_id socket; /* 0: none */
  uint32_t interface_index;
  uint8_t family;
};

struct prtc_mdns {
  struct prtc_context *context;
  prtc_time now;
  struct link links[PRTC_MDNS_LINKS];
  bool has_no_links; /* and will have none */
  struct prtc_map owns;  /* by a hash of the name */
  struct query *queries[PRTC_MDNS_QUERIES];
  size_t query_count, done_count;
  struct prtc_heap timers;
  struct item *first, **last; /* what has something to send */
};

/* ----------------------------------------------------------------------------------------------------------------- life */

struct prtc_mdns *prtc_mdns_new(struct prtc_context *context) {
  struct prtc_mdns *mdns = prtc_allocate(context, sizeof *mdns);
  if (mdns == NULL) return NULL;
  mdns->context = context;
  mdns->last = &mdns->first;
  prtc_map_init(&mdns->owns, context);
  prtc_heap_init(&mdns->timers, context);
  return mdns;
}

void prtc_mdns_free(struct prtc_mdns *mdns) {
  if (mdns == NULL) return;
  size_t i = 0;
  for (struct prtc_map_slot *slot; (slot = prtc_map_next(&mdns->owns, &i)) != NULL;) {
    prtc_release(mdns->context, slot->value);
  }
  for (i = 0; i < mdns->query_count; i++) prtc_release(mdns->context, mdns->queries[i]);
  prtc_map_clear(&mdns->owns);
  prtc_heap_clear(&mdns->timers);
  prtc_release(mdns->context, mdns);
}

static prtc_time advance(struct prtc_mdns *mdns, prtc_time now) {
  if (now > mdns->now && now != PRTC_NEVER) mdns->now = now;
  return mdns->now;
}

/* --------------------------------------------------------------------------------------------------- what is to be sent */

static void list(struct prtc_mdns *mdns, struct item *item) {
  if (item->is_listed || (item->due[0] | item->due[1]) == 0) return;
  item->is_listed = true;
  item->next = NULL;
  *mdns->last = item;
  mdns->last = &item->next;
}

static void unlist(struct prtc_mdns *mdns, struct item *item) {
  if (!item->is_listed) return;
  struct item **place = &mdns->first;
  while (*place != item) place = &(*place)->next;
  *place = item->next;
  if (mdns->last == &item->next) mdns->last = place;
  item->is_listed = false;
}

static uint32_t all_links(const struct prtc_mdns *mdns) {
  uint32_t bits = 0;
  for (unsigned i = 0; i < PRTC_MDNS_LINKS; i++) bits |= (uint32_t)(mdns->links[i].socket != 0) << i;
  return bits;
}

/* RFC 6762 section 6: a record is multicast on a link once a second at most. */
static void make_answer_due(struct prtc_mdns *mdns, struct prtc_mdns_own *own, uint32_t links) {
  for (unsigned i = 0; i < PRTC_MDNS_LINKS; i++) {
    if ((links >> i & 1) != 0 && own->free_at[i] <= mdns->now) own->item.due[0] |= 1u << i;
  }
  list(mdns, &own->item);
}

static void make_query_due(struct prtc_mdns *mdns, struct query *query, uint32_t links) {
  if (query->is_done || query->sent == 0) return;
  query->item.due[0] |= links;
  query->item.due[1] |= links;
  list(mdns, &query->item);
}

/* ---------------------------------------------------------------------------------------------------------------- links */

prtc_address prtc_mdns_group(uint8_t family, uint32_t interface_index) {
  if (family == PRTC_FAMILY_IPV4) return (prtc_address){.family = family, .ip = {224, 0, 0, 251}, .port = PRTC_MDNS_PORT};
  return (prtc_address){
      .family = family, .ip = {0xFF, 0x02, [15] = 0xFB}, .port = PRTC_MDNS_PORT, .scope = interface_index};
}

static unsigned find_link(const struct prtc_mdns *mdns, prtc_socket_id socket) {
  unsigned i = 0;
  while (i < PRTC_MDNS_LINKS && mdns->links[i].socket != socket) i++;
  return i;
}

int prtc_mdns_add_link(struct prtc_mdns *mdns, prtc_socket_id socket, uint8_t family, uint32_t interface_index) {
  unsigned place = find_link(mdns, 0);
  if (place == PRTC_MDNS_LINKS) return PRTC_ERROR_QUEUE_FULL;
  mdns->links[place] = (struct link){.socket = socket, .family = family, .interface_index = interface_index};
  mdns->has_no_links = false;
  for (size_t i = 0; i < mdns->query_count; i++) make_query_due(mdns, mdns->queries[i], 1u << place);
  return PRTC_OK;
}

void prtc_mdns_remove_link(struct prtc_mdns *mdns, prtc_socket_id socket) {
  unsigned place = find_link(mdns, socket);
  if (socket != 0 && place < PRTC_MDNS_LINKS) mdns->links[place] = (struct link){0};
}

/* -------------------------------------------------------------------------------------------------------------- queries */

static void finish(struct prtc_mdns *mdns, struct query *query, int code, const prtc_address *address) {
  if (query->is_done) return;
  query->is_done = true;
  query->code = code;
  if (address != NULL) query->address = *address;
  mdns->done_count++;
  unlist(mdns, &query->item);
  (void)prtc_heap_set(&mdns->timers, &query->item.timer, PRTC_NEVER);
}

void prtc_mdns_no_links(struct prtc_mdns *mdns) {
  mdns->has_no_links = true;
  for (size_t i = 0; i < mdns->query_count; i++) finish(mdns, mdns->queries[i], PRTC_ERROR_NOT_SUPPORTED, NULL);
}

static void remove_query(struct prtc_mdns *mdns, size_t i) {
  struct query *query = mdns->queries[i];
  mdns->done_count -= query->is_done;
  unlist(mdns, &query->item);
  (void)prtc_heap_set(&mdns->timers, &query->item.timer, PRTC_NEVER);
  memmove(&mdns->queries[i], &mdns->queries[i + 1], (--mdns->query_count - i) * sizeof *mdns->queries);
  prtc_release(mdns->context, query);
}

void prtc_mdns_cancel(struct prtc_mdns *mdns, uint64_t id) {
  for (size_t i = mdns->query_count; i-- > 0;) {
    if (mdns->queries[i]->id == id) remove_query(mdns, i);
  }
}

int prtc_mdns_event(struct prtc_mdns *mdns, struct prtc_mdns_result *out) {
  if (mdns->done_count == 0) return 0;
  size_t i = 0;
  while (!mdns->queries[i]->is_done) i++;
  const struct query *query = mdns->queries[i];
  *out = (struct prtc_mdns_result){.id = query->id, .code = query->code, .address = query->address};
  remove_query(mdns, i);
  return 1;
}

/* Sends it (again) and says when to look at it next: after 1 and 3 seconds in all (RFC 6762 section 5.2: at least a
 * second, then at least twice as long), then at its end. */
static void ask(struct prtc_mdns *mdns, struct query *query) {
  static const prtc_time next[] = {1 * SECOND, 3 * SECOND, PRTC_MDNS_PATIENCE};
  if (query->sent == sizeof next / sizeof next[0]) {
    finish(mdns, query, PRTC_ERROR_TIMEOUT, NULL);
    return;
  }
  (void)prtc_heap_set(&mdns->timers, &query->item.timer, query->began + next[query->sent++]); /* there is room */
  make_query_due(mdns, query, all_links(mdns));
}

static struct prtc_mdns_own *find_own(const struct prtc_mdns *mdns, const char *name);

/* Room for the timers of all that there is, and of one more. */
static int reserve_timer(struct prtc_mdns *mdns) {
  return prtc_heap_reserve(&mdns->timers, mdns->owns.count + PRTC_MDNS_QUERIES + 1);
}

int prtc_mdns_resolve(struct prtc_mdns *mdns, prtc_time now, uint64_t id, const char *name) {
  char plain[PRTC_MDNS_NAME_SIZE];
  now = advance(mdns, now);
  if (!prtc_mdns_read_name(plain, name, strlen(name))) return PRTC_ERROR_SYNTAX;
  if (mdns->query_count == PRTC_MDNS_QUERIES) return PRTC_ERROR_QUEUE_FULL;
  int code = reserve_timer(mdns);
  if (code < 0) return code;
  struct query *query = prtc_allocate(mdns->context, sizeof *query);
  if (query == NULL) return PRTC_ERROR_NO_MEMORY;
  *query = (struct query){
      .item = {.is_query = true, .timer = {.deadline = PRTC_NEVER, .owner = query}}, .id = id, .began = now};
  memcpy(query->name, plain, sizeof plain);
  mdns->queries[mdns->query_count++] = query;
  const struct prtc_mdns_own *own = find_own(mdns, plain);
  if (own != NULL) {
    finish(mdns, query, PRTC_OK, &own->address);
  } else if (mdns->has_no_links) {
    finish(mdns, query, PRTC_ERROR_NOT_SUPPORTED, NULL);
  } else {
    ask(mdns, query);
  }
  return PRTC_OK;
}

/* ------------------------------------------------------------------------------------------------------------ our names */

/* FNV-1a. Nobody but us chooses the names in the map. */
static uint64_t hash(const char *name) {
  uint64_t value = UINT64_C(0xCBF29CE484222325);
  for (; *name != '\0'; name++) value = (value ^ (uint8_t)*name) * UINT64_C(0x100000001B3);
  return value;
}

static struct prtc_mdns_own *find_own(const struct prtc_mdns *mdns, const char *name) {
  struct prtc_mdns_own *own = prtc_map_get(&mdns->owns, hash(name));
  return own != NULL && strcmp(own->name, name) == 0 ? own : NULL;
}

int prtc_mdns_publish(struct prtc_mdns *mdns, prtc_time now, struct prtc_mdns_owner *owner, const char *name,
                      const prtc_address *address) {
  char plain[PRTC_MDNS_NAME_SIZE];
  now = advance(mdns, now);
  if (!prtc_mdns_read_name(plain, name, strlen(name))) return PRTC_ERROR_SYNTAX;
  if (prtc_map_get(&mdns->owns, hash(plain)) != NULL) return PRTC_ERROR_INVALID_STATE;
  int code = reserve_timer(mdns);
  if (code < 0) return code;
  struct prtc_mdns_own *own = prtc_allocate(mdns->context, sizeof *own);
  if (own == NULL) return PRTC_ERROR_NO_MEMORY;
  own->item.timer = (struct prtc_heap_node){.deadline = PRTC_NEVER, .owner = own};
  own->address = *address;
  memcpy(own->name, plain, sizeof plain);
  code = prtc_map_set(&mdns->owns, hash(plain), own);
  if (code < 0) {
    prtc_release(mdns->context, own);
    return code;
  }
  own->next = owner->first;
  owner->first = own;
  /* Not at once: what is announced cannot be asked for within the next second, and whoever is told of the name asks soon.
   */
  own->announcements = ANNOUNCEMENTS;
  (void)prtc_heap_set(&mdns->timers, &own->item.timer, now + SECOND);
  return PRTC_OK;
}

void prtc_mdns_withdraw(struct prtc_mdns *mdns, struct prtc_mdns_owner *owner) {
  while (owner->first != NULL) {
    struct prtc_mdns_own *own = owner->first;
    owner->first = own->next;
    unlist(mdns, &own->item);
    (void)prtc_heap_set(&mdns->timers, &own->item.timer, PRTC_NEVER);
    (void)prtc_map_remove(&mdns->owns, hash(own->name));
    prtc_release(mdns->context, own);
  }
}

static void announce(struct prtc_mdns *mdns, struct prtc_mdns_own *own) {
  own->announcements--;
  make_answer_due(mdns, own, all_links(mdns));
  (void)prtc_heap_set(&mdns->timers, &own->item.timer, own->announcements > 0 ? mdns->now + SECOND : PRTC_NEVER);
}

/* -------------------------------------------------------------------------------------------------------------- receive */

static bool same_ip(const prtc_address *a, const prtc_address *b) {
  return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static int take_response(struct prtc_mdns *mdns, struct prtc_mdns_message *message) {
  struct prtc_mdns_question question;
  struct prtc_mdns_record record;
  while (prtc_mdns_next_question(message, &question)) continue;
  while (prtc_mdns_next_record(message, &record)) {
    if (record.name[0] == '\0' || record.address.family == PRTC_FAMILY_NONE || record.ttl == 0) continue;
    for (size_t i = 0; i < mdns->query_count; i++) {
      if (strcmp(mdns->queries[i]->name, record.name) == 0) finish(mdns, mdns->queries[i], PRTC_OK, &record.address);
    }
    struct prtc_mdns_own *own = find_own(mdns, record.name);
    if (own == NULL || same_ip(&own->address, &record.address) || own->conflict_told) continue;
    /* Two UUIDs are not the same by chance. We go on answering (the draft has no probing), and no more often for it. */
    own->conflict_told = true;
    PRTC_LOG(mdns->context, PRTC_LOG_WARNING, "mdns", "somebody else answers for a name of ours");
  }
  return message->reader.failed ? PRTC_ERROR_MALFORMED : PRTC_OK;
}

static bool is_for_an_address(const struct prtc_mdns_question *question) {
  return question->internet &&
         (question->type == PRTC_MDNS_A || question->type == PRTC_MDNS_AAAA || question->type == PRTC_MDNS_ANY);
}

static int take_query(struct prtc_mdns *mdns, struct prtc_mdns_message *message, unsigned link) {
  struct prtc_mdns_own *asked[QUESTIONS];
  size_t count = 0;
  struct prtc_mdns_question question;
  struct prtc_mdns_record record;
  while (prtc_mdns_next_question(message, &question)) {
    struct prtc_mdns_own *own = is_for_an_address(&question) ? find_own(mdns, question.name) : NULL;
    if (own != NULL && count < QUESTIONS) asked[count++] = own;
  }
  if (count == 0) return message->reader.failed ? PRTC_ERROR_MALFORMED : PRTC_OK;
  /* RFC 6762 section 7.1: what the other one says that it knows, for at least half of its time to come, is not repeated */
  while (prtc_mdns_next_record(message, &record)) {
    for (size_t i = 0; i < count; i++) {
      bool known = asked[i] != NULL && strcmp(asked[i]->name, record.name) == 0 &&
                   same_ip(&asked[i]->address, &record.address);
      if (known && record.ttl >= PRTC_MDNS_TTL / 2) asked[i] = NULL;
    }
  }
  if (message->reader.failed) return PRTC_ERROR_MALFORMED;
  for (size_t i = 0; i < count; i++) {
    if (asked[i] != NULL) make_answer_due(mdns, asked[i], 1u << link);
  }
  return PRTC_OK;
}

int prtc_mdns_receive(struct prtc_mdns *mdns, prtc_time now, const prtc_datagram *datagram) {
  struct prtc_mdns_message message;
  advance(mdns, now);
  unsigned link = datagram->socket == 0 ? PRTC_MDNS_LINKS : find_link(mdns, datagram->socket);
  if (link == PRTC_MDNS_LINKS) return PRTC_ERROR_UNEXPECTED;
  /* RFC 6762 section 6: no response counts that comes from another port. Whoever asks from one wants its answer sent there
   * (section 6.7): a longer datagram than its own, to where it only claims to be. None is. */
  if (datagram->remote.port != PRTC_MDNS_PORT) return PRTC_ERROR_UNEXPECTED;
  int code = prtc_mdns_open(&message, datagram->data, datagram->size);
  if (code < 0) return code;
  return message.response ? take_response(mdns, &message) : take_query(mdns, &message, link);
}

/* ------------------------------------------------------------------------------------------------------- transmit, time */

/* Writes for the first link that the item is due on; 0 when it is due on none that is still there. */
static int transmit_item(struct prtc_mdns *mdns, struct item *item, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  uint32_t links = all_links(mdns);
  item->due[0] &= links;
  item->due[1] &= links;
  unsigned which = item->due[0] != 0 ? 0 : 1, i = 0;
  if (item->due[which] == 0) return 0;
  while ((item->due[which] >> i & 1) == 0) i++;
  const struct link *link = &mdns->links[i];
  int size;
  if (item->is_query) {
    const struct query *query = (const struct query *)item;
    size = prtc_mdns_write_query(buffer, capacity, query->name, which == 0 ? PRTC_MDNS_A : PRTC_MDNS_AAAA);
  } else {
    struct prtc_mdns_own *own = (struct prtc_mdns_own *)item;
    size = prtc_mdns_write_answer(buffer, capacity, own->name, &own->address);
    if (size > 0) own->free_at[i] = mdns->now + SECOND;
  }
  if (size < 0) return size;
  item->due[which] &= ~(1u << i);
  *out = (prtc_datagram){.socket = link->socket,
                         .interface_index = link->interface_index,
                         .remote = prtc_mdns_group(link->family, link->interface_index)};
  return size;
}

int prtc_mdns_transmit(struct prtc_mdns *mdns, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  advance(mdns, now);
  int size = 0;
  while (size == 0 && mdns->first != NULL) {
    struct item *item = mdns->first;
    size = transmit_item(mdns, item, out, buffer, capacity);
    if ((item->due[0] | item->due[1]) == 0) unlist(mdns, item);
  }
  if (size > 0) {
    out->protocol = PRTC_PROTOCOL_UDP;
    out->data = buffer;
    out->size = (size_t)size;
  }
  return size;
}

prtc_time prtc_mdns_deadline(const struct prtc_mdns *mdns) {
  const struct prtc_heap_node *first = prtc_heap_first(&mdns->timers);
  return first != NULL ? first->deadline : PRTC_NEVER;
}

void prtc_mdns_timeout(struct prtc_mdns *mdns, prtc_time now) {
  now = advance(mdns, now);
  for (struct prtc_heap_node *first; (first = prtc_heap_first(&mdns->timers)) != NULL && first->deadline <= now;) {
    struct item *item = first->owner;
    if (item->is_query) ask(mdns, (struct query *)item);
    else announce(mdns, (struct prtc_mdns_own *)item);
  }
}
