/* Requests to the server and their answers: Allocate, Refresh, CreatePermission, ChannelBind (RFC 8656 sections 7 to 12).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which answers are believed. A success of a request that had credentials must be authentic. An error may lack the
 * integrity (a server that does not know the user cannot make it, and some never do), for it does no more harm than a lost
 * answer; but where it would lead us to another server (300) it must have it, once the server has shown that it can. An
 * integrity that is wrong is never believed.
 */
#include <string.h>

#include "core/turn/internal.h"

/* Over UDP (RFC 8489 section 6.2.1): from the first transmission the interval doubles from FIRST_RTO to MOST_RTO. Six
 * transmissions, and nearly ten seconds. Gathering waits for a server of which nothing has been heard, as for a STUN server:
 * five transmissions, and 4.5 seconds. */
static const prtc_time first_rto = 500000, most_rto = 2000000, most_rto_unheard = 1000000;
enum { MOST_TRANSMISSIONS = 6, MOST_UNHEARD = 5 };

/* Over a stream nothing is repeated; this is how long an answer may take. */
static const prtc_time stream_patience = SECONDS(10), stream_patience_unheard = SECONDS(5);

/* When an allocation is given back, the answer is waited for in vain sooner. */
static const prtc_time release_rto = 250000;

bool prtc_turn_has_slot(const struct prtc_turn *turn) {
  for (size_t i = 1; i < MAX_REQUESTS; i++) {
    if (!turn->requests[i].active) return true;
  }
  return false;
}

static void renew_id(struct prtc_turn *turn, struct turn_request *request) {
  prtc_random_bytes(&turn->context->random, request->id, sizeof request->id);
  request->sent = 0;
  request->rto = request->kind == TURN_RELEASE ? release_rto : first_rto;
  request->ready = turn->has_ready = true;
  request->due = PRTC_NEVER;
}

struct turn_request *prtc_turn_begin(struct prtc_turn *turn, enum turn_kind kind, uint32_t index) {
  struct turn_request *request = NULL;
  if (kind <= TURN_RELEASE) {
    request = &turn->requests[0];
  } else {
    for (size_t i = 1; i < MAX_REQUESTS && request == NULL; i++) {
      if (!turn->requests[i].active) request = &turn->requests[i];
    }
  }
  if (request == NULL) return NULL;
  *request = (struct turn_request){.active = true, .kind = kind, .index = index};
  renew_id(turn, request);
  return request;
}

/* -------------------------------------------------------------------------------------------------------------- writing */

static void add_allocate(const struct prtc_turn *turn, struct prtc_stun_writer *writer) {
  prtc_stun_add_u32(writer, PRTC_STUN_REQUESTED_TRANSPORT, 17u << 24); /* UDP */
  if (turn->lifetime != 0) prtc_stun_add_u32(writer, PRTC_STUN_LIFETIME, turn->lifetime);
  /* RFC 8656 section 18.6: 1 is IPv4, which is meant when nothing is said; 2 is IPv6 */
  if (turn->family == PRTC_FAMILY_IPV6) prtc_stun_add_u32(writer, PRTC_STUN_REQUESTED_ADDRESS_FAMILY, 2u << 24);
  if (turn->family == PRTC_FAMILY_NONE) { /* a server that does not know one of them, or both, passes over it */
    prtc_stun_add_u32(writer, PRTC_STUN_ADDITIONAL_ADDRESS_FAMILY, 2u << 24);
    prtc_stun_add_u32(writer, PRTC_STUN_DRAFT_ADDRESS_FAMILY, 2u << 24);
  }
}

static uint16_t method_of(enum turn_kind kind) {
  static const uint16_t methods[] = {
      [TURN_ALLOCATE] = PRTC_STUN_METHOD_ALLOCATE,
      [TURN_REFRESH] = PRTC_STUN_METHOD_REFRESH,
      [TURN_RELEASE] = PRTC_STUN_METHOD_REFRESH,
      [TURN_PERMISSION] = PRTC_STUN_METHOD_CREATE_PERMISSION,
      [TURN_CHANNEL] = PRTC_STUN_METHOD_CHANNEL_BIND,
  };
  return methods[kind];
}

int prtc_turn_write(struct prtc_turn *turn, struct turn_request *request, uint8_t *buffer, size_t capacity) {
  struct prtc_stun_writer writer;
  /* A repetition has the bytes of the first (RFC 8489 section 6.2.1): with another nonce it is another request. */
  if (request->generation != turn->credentials.generation) renew_id(turn, request);
  request->generation = turn->credentials.generation;
  prtc_stun_begin(&writer, buffer, capacity, PRTC_STUN_REQUEST, method_of(request->kind), request->id);
  switch (request->kind) {
    case TURN_ALLOCATE: add_allocate(turn, &writer); break;
    case TURN_REFRESH:
      if (turn->lifetime != 0) prtc_stun_add_u32(&writer, PRTC_STUN_LIFETIME, turn->lifetime);
      break;
    case TURN_RELEASE: prtc_stun_add_u32(&writer, PRTC_STUN_LIFETIME, 0); break;
    case TURN_PERMISSION:
      prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_PEER_ADDRESS, &turn->permissions[request->index].address);
      break;
    case TURN_CHANNEL:
      prtc_stun_add_u32(&writer, PRTC_STUN_CHANNEL_NUMBER, (0x4000 + request->index) << 16);
      prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_PEER_ADDRESS, &turn->channels[request->index].address);
      break;
  }
  return prtc_turn_finish(turn, &writer);
}

static bool is_unheard(const struct prtc_turn *turn) { return turn->credentials.generation == 0; }

void prtc_turn_sent(struct prtc_turn *turn, struct turn_request *request) {
  prtc_time most = is_unheard(turn) ? most_rto_unheard : most_rto;
  prtc_time patience = is_unheard(turn) ? stream_patience_unheard : stream_patience;
  request->ready = false;
  request->sent++;
  request->due = turn->now + (prtc_turn_is_stream(turn) ? patience : request->rto);
  request->rto *= 2;
  if (request->rto > most) request->rto = most;
}

/* -------------------------------------------------------------------------------------------------------------- answers */

static bool is_usable(const prtc_address *address) {
  static const uint8_t zeros[16];
  bool multicast = address->family == PRTC_FAMILY_IPV4 ? address->ip[0] >= 224 : address->ip[0] == 0xFF;
  return address->port != 0 && !multicast && memcmp(address->ip, zeros, sizeof zeros) != 0;
}

/* RFC 8656 section 7.3: when the allocation ends, and when it is refreshed: a minute before, at the latest after half of
 * the time. False for a time in which nothing could be done. */
static bool take_lifetime(struct prtc_turn *turn, const struct prtc_stun_message *message) {
  static const uint32_t least = 10, most = 3600;
  uint32_t lifetime;
  if (!prtc_stun_find_u32(message, PRTC_STUN_LIFETIME, &lifetime)) lifetime = 600;
  if (lifetime < least) return false;
  if (lifetime > most) lifetime = most;
  turn->give_up = turn->now + SECONDS(lifetime);
  turn->refresh = turn->give_up - (lifetime > 120 ? SECONDS(60) : SECONDS(lifetime) / 2);
  return true;
}

static void allocated(struct prtc_turn *turn, const struct prtc_stun_message *message) {
  prtc_address relayed;
  memset(turn->relayed, 0, sizeof turn->relayed);
  for (size_t i = 0; prtc_stun_find_nth_xor_address(message, PRTC_STUN_XOR_RELAYED_ADDRESS, i, &relayed); i++) {
    prtc_address *place = &turn->relayed[relayed.family == PRTC_FAMILY_IPV6];
    bool asked_for = turn->family == PRTC_FAMILY_NONE || turn->family == relayed.family;
    if (asked_for && is_usable(&relayed) && place->family == PRTC_FAMILY_NONE) *place = relayed;
  }
  if (turn->relayed[0].family == PRTC_FAMILY_NONE && turn->relayed[1].family == PRTC_FAMILY_NONE) {
    prtc_turn_fail(turn, PRTC_ERROR_PROTOCOL, "the server has allocated no address of the family that was asked for");
    return;
  }
  if (!prtc_stun_find_xor_address(message, PRTC_STUN_XOR_MAPPED_ADDRESS, &turn->mapped) || !is_usable(&turn->mapped)) {
    turn->mapped = (prtc_address){0};
  }
  if (!take_lifetime(turn, message)) {
    prtc_turn_fail(turn, PRTC_ERROR_PROTOCOL, "the server has allocated an address for less than ten seconds");
    return;
  }
  turn->state = PRTC_TURN_ALLOCATED;
  prtc_turn_push(turn, &(struct turn_event){.type = PRTC_TURN_EVENT_ALLOCATED});
}

/* RFC 8489 section 10 */
static void redirected(struct prtc_turn *turn, const struct prtc_stun_message *message) {
  struct turn_event event = {.type = PRTC_TURN_EVENT_REDIRECTED, .code = PRTC_STUN_ERROR_TRY_ALTERNATE};
  size_t size;
  const uint8_t *domain = prtc_stun_find(message, PRTC_STUN_ALTERNATE_DOMAIN, &size);
  if (!prtc_stun_find_address(message, PRTC_STUN_ALTERNATE_SERVER, &event.address) || !is_usable(&event.address)) {
    prtc_turn_fail(turn, PRTC_ERROR_PROTOCOL, "the server names another one, but not where");
    return;
  }
  if (domain != NULL && size < sizeof turn->domain && memchr(domain, 0, size) == NULL) memcpy(turn->domain, domain, size);
  prtc_turn_end(turn, &event);
}

static void allocation_succeeded(struct prtc_turn *turn, enum turn_kind kind, const struct prtc_stun_message *message) {
  switch (kind) {
    case TURN_ALLOCATE: allocated(turn, message); break;
    case TURN_REFRESH:
      if (!take_lifetime(turn, message)) prtc_turn_fail(turn, PRTC_ERROR_PROTOCOL, "the server has ended the allocation");
      break;
    default:
      if (turn->state == PRTC_TURN_CLOSING) {
        prtc_turn_end(turn, &(struct turn_event){.type = PRTC_TURN_EVENT_CLOSED});
      } else {
        (void)prtc_turn_begin(turn, TURN_ALLOCATE, 0); /* what was in our way is gone */
      }
  }
}

static const char *sentence_of(int code) {
  switch (code) {
    case PRTC_ERROR_TIMEOUT: return "the server has not answered";
    case PRTC_ERROR_NO_MEMORY: return "memory could not be allocated";
    case PRTC_ERROR_PROTOCOL: return "the server's challenge makes no sense";
    case 400: return "the server calls the request malformed";
    case 401: case 441: return "user name or password are wrong";
    case 403: return "the server forbids it";
    case 420: return "the server does not know an attribute";
    case 437: return "the server knows another allocation of this socket, or none";
    case 438: return "the server calls every nonce stale";
    case 440: return "the server has no addresses of this family";
    case 442: return "the server does not relay UDP";
    case 486: return "the user's quota of allocations is reached";
    case 500: return "the server has an error";
    case 508: return "the server has no capacity left";
    default: return "the server has refused the request";
  }
}

/* `code` is a STUN error code, or TIMEOUT. */
static void allocation_failed(struct prtc_turn *turn, enum turn_kind kind, int code) {
  if (turn->state == PRTC_TURN_CLOSING) {
    prtc_turn_end(turn, &(struct turn_event){.type = PRTC_TURN_EVENT_CLOSED});
  } else if (kind == TURN_REFRESH && code == PRTC_ERROR_TIMEOUT && !(turn->verifying && prtc_turn_is_stream(turn))) {
    turn->verifying = false;
    turn->refresh = turn->now + SECONDS(5); /* until it expires */
  } else if (kind == TURN_ALLOCATE && code == PRTC_STUN_ERROR_ALLOCATION_MISMATCH && !turn->was_mismatched &&
             turn->credentials.generation != 0) {
    /* RFC 8656 section 7.4: our port was somebody's before. If that was us, we may give it back; once. */
    turn->was_mismatched = true;
    (void)prtc_turn_begin(turn, TURN_RELEASE, 0);
  } else if (kind == TURN_RELEASE) {
    prtc_turn_fail(turn, PRTC_STUN_ERROR_ALLOCATION_MISMATCH, sentence_of(PRTC_STUN_ERROR_ALLOCATION_MISMATCH));
  } else {
    prtc_turn_fail(turn, code, sentence_of(code));
  }
}

static void failed(struct prtc_turn *turn, const struct turn_request *request, int code) {
  if (request->kind == TURN_PERMISSION) {
    prtc_turn_permission_answered(turn, request->index, code);
  } else if (request->kind == TURN_CHANNEL) {
    prtc_turn_channel_answered(turn, request->index, code);
  } else {
    allocation_failed(turn, request->kind, code);
  }
}

static void succeeded(struct prtc_turn *turn, const struct turn_request *request, const struct prtc_stun_message *message) {
  if (request->kind == TURN_PERMISSION) {
    prtc_turn_permission_answered(turn, request->index, 0);
  } else if (request->kind == TURN_CHANNEL) {
    prtc_turn_channel_answered(turn, request->index, 0);
  } else {
    turn->verifying = false;
    allocation_succeeded(turn, request->kind, message);
  }
}

/* True when the request is made again. */
static bool is_made_again(struct prtc_turn *turn, struct turn_request *request, const struct prtc_stun_message *message,
                          int *code) {
  if (*code != PRTC_STUN_ERROR_UNAUTHENTICATED && *code != PRTC_STUN_ERROR_STALE_NONCE) return false;
  if (++request->refusals > MAX_REFUSALS) return false;
  int result = prtc_turn_take_challenge(turn, message, *code, request->generation != 0);
  if (result == 1) renew_id(turn, request);
  if (result < 0) *code = result;
  return result == 1;
}

static struct turn_request *find(struct prtc_turn *turn, const struct prtc_stun_message *message) {
  for (size_t i = 0; i < MAX_REQUESTS; i++) {
    struct turn_request *request = &turn->requests[i];
    if (!request->active || request->sent == 0) continue;
    if (memcmp(request->id, message->transaction, sizeof request->id) == 0) return request;
  }
  return NULL;
}

int prtc_turn_take_response(struct prtc_turn *turn, const struct prtc_stun_message *message) {
  struct turn_request *request = find(turn, message);
  if (request == NULL || message->method != method_of(request->kind)) return PRTC_ERROR_UNEXPECTED;
  bool success = message->message_class == PRTC_STUN_SUCCESS, with = request->generation != 0;
  int code = success ? 0 : prtc_stun_find_error(message);
  uint16_t unknown;
  if (!success && code == 0) return PRTC_ERROR_MALFORMED;
  bool must_be_authentic = with && (success || code == PRTC_STUN_ERROR_TRY_ALTERNATE);
  /* A challenge may be in another realm. */
  bool challenge = code == PRTC_STUN_ERROR_UNAUTHENTICATED || code == PRTC_STUN_ERROR_STALE_NONCE;
  if (must_be_authentic || (with && !challenge && prtc_turn_has_integrity(message))) {
    if (request->generation != turn->credentials.generation || !prtc_turn_is_authentic(turn, message)) {
      return PRTC_ERROR_UNAUTHENTICATED;
    }
  }
  if (prtc_stun_unknown_attributes(message, &unknown, 1) > 0) return PRTC_ERROR_MALFORMED; /* RFC 8489 section 6.3.3 */
  if (!success && is_made_again(turn, request, message, &code)) return 0;
  const struct turn_request ended = *request;
  request->active = false;
  if (success) {
    succeeded(turn, &ended, message);
  } else if (code == PRTC_STUN_ERROR_TRY_ALTERNATE && ended.kind == TURN_ALLOCATE) {
    redirected(turn, message);
  } else {
    failed(turn, &ended, code);
  }
  return 0;
}

/* -------------------------------------------------------------------------------------------------------------- waiting */

void prtc_turn_expire_requests(struct prtc_turn *turn) {
  for (size_t i = 0; i < MAX_REQUESTS; i++) {
    struct turn_request *request = &turn->requests[i];
    if (!request->active || request->ready || request->due > turn->now) continue;
    uint32_t most = is_unheard(turn) ? MOST_UNHEARD : MOST_TRANSMISSIONS;
    if (!prtc_turn_is_stream(turn) && request->sent < most) {
      request->ready = turn->has_ready = true;
      continue;
    }
    const struct turn_request ended = *request;
    request->active = false;
    failed(turn, &ended, PRTC_ERROR_TIMEOUT);
  }
}
