/* Permissions and channels (RFC 8656 sections 9 and 12): asked for, kept alive, looked up.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/turn/internal.h"

/* RFC 8656: a permission lasts 5 minutes, a channel 10. Each is renewed a minute before. */
static const prtc_time permission_renewal = SECONDS(240), channel_renewal = SECONDS(540), channel_life = SECONDS(600);

/* What was refused, or not answered, is asked for again when it is used then. */
static const prtc_time refusal = SECONDS(30), retry = SECONDS(10);

static bool same_ip(const prtc_address *a, const prtc_address *b) {
  return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static struct turn_permission *permission_of(const struct prtc_turn *turn, const prtc_address *peer) {
  for (size_t i = 0; i < turn->permission_count; i++) {
    if (same_ip(&turn->permissions[i].address, peer)) return &turn->permissions[i];
  }
  return NULL;
}

bool prtc_turn_is_permitted(const struct prtc_turn *turn, const prtc_address *peer) {
  const struct turn_permission *permission = permission_of(turn, peer);
  return permission != NULL && permission->wish != WISH_REFUSED;
}

const struct turn_channel *prtc_turn_channel_of(const struct prtc_turn *turn, const prtc_address *peer) {
  for (size_t i = 0; i < turn->channel_count; i++) {
    const struct turn_channel *channel = &turn->channels[i];
    if (channel->address.port == peer->port && same_ip(&channel->address, peer)) return channel;
  }
  return NULL;
}

/* Room for one more element: false without memory. */
static bool grow(struct prtc_turn *turn, void **elements, size_t *capacity, size_t count, size_t size) {
  if (count < *capacity) return true;
  size_t more = *capacity == 0 ? 4 : *capacity * 2;
  void *larger = prtc_reallocate(turn->context, *elements, more * size);
  if (larger == NULL) return false;
  *elements = larger;
  *capacity = more;
  return true;
}

/* Where a new permission goes: at the end, or in place of the one that was used the longest ago. */
static struct turn_permission *place_for_permission(struct prtc_turn *turn) {
  struct turn_permission *oldest = NULL;
  if (turn->permission_count < MAX_PERMISSIONS) {
    void *elements = turn->permissions;
    if (!grow(turn, &elements, &turn->permission_capacity, turn->permission_count, sizeof *turn->permissions)) return NULL;
    turn->permissions = elements;
    return &turn->permissions[turn->permission_count++];
  }
  for (size_t i = 0; i < turn->permission_count; i++) {
    struct turn_permission *permission = &turn->permissions[i];
    if (permission->wish != WISH_ASKED && (oldest == NULL || permission->used < oldest->used)) oldest = permission;
  }
  return oldest;
}

int prtc_turn_permit(prtc_turn *turn, prtc_time now, const prtc_address *peer) {
  prtc_turn_set_now(turn, now);
  if (peer->family != PRTC_FAMILY_IPV4 && peer->family != PRTC_FAMILY_IPV6) return PRTC_ERROR_INVALID_ARGUMENT;
  if (turn->state >= PRTC_TURN_CLOSING) return PRTC_ERROR_INVALID_STATE;
  struct turn_permission *permission = permission_of(turn, peer);
  if (permission != NULL) {
    permission->used = turn->now;
    if (permission->wish != WISH_REFUSED || permission->again > turn->now) return 0;
    permission->wish = WISH_ASK;
  } else {
    permission = place_for_permission(turn);
    if (permission == NULL) return turn->permission_count < MAX_PERMISSIONS ? PRTC_ERROR_NO_MEMORY : PRTC_ERROR_QUEUE_FULL;
    *permission = (struct turn_permission){.address = *peer, .wish = WISH_ASK, .used = turn->now};
    permission->address.port = 0;
    permission->address.scope = 0;
  }
  prtc_turn_step(turn);
  return 0;
}

/* A channel for a peer that data goes to. Without memory, or when there are too many, it is done without. */
static void want_channel(struct prtc_turn *turn, const prtc_address *peer) {
  struct turn_channel *channel = (struct turn_channel *)prtc_turn_channel_of(turn, peer);
  if (channel == NULL) {
    void *elements = turn->channels;
    if (turn->channel_count == MAX_CHANNELS) return;
    if (!grow(turn, &elements, &turn->channel_capacity, turn->channel_count, sizeof *turn->channels)) return;
    turn->channels = elements;
    channel = &turn->channels[turn->channel_count++];
    *channel = (struct turn_channel){.address = *peer, .wish = WISH_ASK};
    channel->address.scope = 0;
  } else if (channel->wish == WISH_REFUSED && channel->again <= turn->now) {
    channel->wish = WISH_ASK;
  } else {
    return;
  }
  prtc_turn_step(turn);
}

/* -------------------------------------------------------------------------------------------------------------- answers */

void prtc_turn_permission_answered(struct prtc_turn *turn, uint32_t index, int code) {
  struct turn_permission *permission = &turn->permissions[index];
  if (code == PRTC_STUN_ERROR_ALLOCATION_MISMATCH) {
    prtc_turn_fail(turn, code, "the server knows the allocation no more");
  } else if (code == 0) {
    permission->wish = WISH_GRANTED;
    permission->renewing = true;
    permission->again = turn->now + permission_renewal;
  } else if (code == PRTC_ERROR_TIMEOUT) {
    permission->wish = WISH_GRANTED; /* perhaps: the answers may have been lost */
    permission->again = turn->now + retry;
  } else {
    permission->wish = WISH_REFUSED;
    permission->again = turn->now + refusal;
    prtc_turn_push(turn, &(struct turn_event){
                             .type = PRTC_TURN_EVENT_PEER_REFUSED, .code = code, .address = permission->address});
  }
}

void prtc_turn_channel_answered(struct prtc_turn *turn, uint32_t index, int code) {
  struct turn_channel *channel = &turn->channels[index];
  if (code == PRTC_STUN_ERROR_ALLOCATION_MISMATCH) {
    prtc_turn_fail(turn, code, "the server knows the allocation no more");
  } else if (code == 0) {
    channel->wish = WISH_GRANTED;
    channel->until = turn->now + channel_life;
    channel->again = turn->now + channel_renewal;
  } else {
    channel->wish = WISH_REFUSED; /* data goes on as indications, once `until` is over */
    channel->again = turn->now + refusal;
  }
}

/* ----------------------------------------------------------------------------------------------------------------- time */

void prtc_turn_peers_step(struct prtc_turn *turn) {
  if (turn->state != PRTC_TURN_ALLOCATED) return;
  for (uint32_t i = 0; i < turn->permission_count; i++) {
    struct turn_permission *permission = &turn->permissions[i];
    if (permission->wish == WISH_GRANTED && permission->again <= turn->now) permission->wish = WISH_ASK;
    if (turn->relayed[permission->address.family == PRTC_FAMILY_IPV6].family == PRTC_FAMILY_NONE) continue;
    if (permission->wish == WISH_ASK && prtc_turn_begin(turn, TURN_PERMISSION, i) != NULL) permission->wish = WISH_ASKED;
  }
  for (uint32_t i = 0; i < turn->channel_count; i++) {
    struct turn_channel *channel = &turn->channels[i];
    if (channel->wish == WISH_GRANTED && channel->again <= turn->now) channel->wish = WISH_ASK;
    if (channel->wish == WISH_ASK && prtc_turn_begin(turn, TURN_CHANNEL, i) != NULL) channel->wish = WISH_ASKED;
  }
}

prtc_time prtc_turn_peers_deadline(const struct prtc_turn *turn) {
  prtc_time deadline = PRTC_NEVER;
  if (turn->state != PRTC_TURN_ALLOCATED) return deadline;
  for (size_t i = 0; i < turn->permission_count; i++) {
    const struct turn_permission *permission = &turn->permissions[i];
    if (permission->wish == WISH_GRANTED && permission->again < deadline) deadline = permission->again;
  }
  for (size_t i = 0; i < turn->channel_count; i++) {
    const struct turn_channel *channel = &turn->channels[i];
    if (channel->wish == WISH_GRANTED && channel->again < deadline) deadline = channel->again;
  }
  return deadline;
}

/* ------------------------------------------------------------------------------------------------------------- wrapping */

static size_t padded(size_t size) { return (size + 3) & ~(size_t)3; }

static const struct turn_channel *bound_channel(const struct prtc_turn *turn, const prtc_address *peer) {
  const struct turn_channel *channel = prtc_turn_channel_of(turn, peer);
  return channel != NULL && channel->until > turn->now ? channel : NULL;
}

/* Header of a Send indication before the data: STUN, XOR-PEER-ADDRESS, the head of DATA */
static size_t indication_header(const prtc_address *peer) {
  return peer->family == PRTC_FAMILY_IPV6 ? 20 + 24 + 4 : 20 + 12 + 4;
}

size_t prtc_turn_overhead(const prtc_turn *turn, const prtc_address *peer) {
  if (bound_channel(turn, peer) == NULL) return indication_header(peer) + 3;
  return prtc_turn_is_stream(turn) ? 4 + 3 : 4;
}

/* RFC 8656 section 12.4: padded on streams. `at` has the data `header` bytes further on. */
static void write_channel_data(const struct prtc_turn *turn, const struct turn_channel *channel, uint8_t *at, size_t size) {
  size_t number = 0x4000 + (size_t)(channel - turn->channels);
  const uint8_t head[4] = {(uint8_t)(number >> 8), (uint8_t)number, (uint8_t)(size >> 8), (uint8_t)size};
  memcpy(at, head, sizeof head);
  if (prtc_turn_is_stream(turn)) memset(at + 4 + size, 0, padded(size) - size);
}

/* RFC 8656 section 11.1; the data is there already. */
static void write_indication(struct prtc_turn *turn, const prtc_address *peer, uint8_t *at, size_t size) {
  uint8_t id[PRTC_STUN_TRANSACTION_SIZE];
  struct prtc_stun_writer writer;
  size_t header = indication_header(peer);
  prtc_random_bytes(&turn->context->random, id, sizeof id);
  prtc_stun_begin(&writer, at, header - 4, PRTC_STUN_INDICATION, PRTC_STUN_METHOD_SEND, id);
  prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_PEER_ADDRESS, peer);
  const uint8_t head[4] = {PRTC_STUN_DATA >> 8, PRTC_STUN_DATA & 0xFF, (uint8_t)(size >> 8), (uint8_t)size};
  memcpy(at + header - 4, head, sizeof head);
  memset(at + header + size, 0, padded(size) - size);
  size_t length = header - PRTC_STUN_HEADER_SIZE + padded(size);
  at[2] = (uint8_t)(length >> 8);
  at[3] = (uint8_t)length;
}

int prtc_turn_wrap(prtc_turn *turn, prtc_time now, const prtc_address *peer, uint8_t *buffer, size_t size, size_t *segment,
                   size_t capacity) {
  prtc_turn_set_now(turn, now);
  if (turn->state != PRTC_TURN_ALLOCATED || size == 0) return 0;
  if (turn->relayed[peer->family == PRTC_FAMILY_IPV6].family != peer->family) return 0;
  const struct turn_channel *channel = bound_channel(turn, peer);
  if (channel == NULL) (void)prtc_turn_permit(turn, now, peer);
  if (buffer[0] > 3) want_channel(turn, peer); /* RFC 7983: not STUN */
  channel = bound_channel(turn, peer);         /* the array may have moved */
  size_t each = *segment == 0 || *segment > size ? size : *segment, count = (size + each - 1) / each;
  size_t last = size - (count - 1) * each, header = channel != NULL ? 4 : indication_header(peer);
  bool pads = channel == NULL || prtc_turn_is_stream(turn);
  size_t stride = header + (pads ? padded(each) : each);
  size_t total = (count - 1) * stride + header + (pads ? padded(last) : last);
  if (each > UINT16_MAX - 64 || total > capacity || total > INT32_MAX) return PRTC_ERROR_BUFFER_TOO_SMALL;
  for (size_t i = count; i-- > 0;) { /* from the end, so that nothing is overwritten before it has moved */
    size_t own = i == count - 1 ? last : each;
    uint8_t *at = buffer + i * stride;
    memmove(at + header, buffer + i * each, own);
    if (channel != NULL) write_channel_data(turn, channel, at, own);
    else write_indication(turn, peer, at, own);
  }
  *segment = count > 1 && !prtc_turn_is_stream(turn) ? stride : 0;
  turn->last_sent = turn->now;
  return (int)total;
}
