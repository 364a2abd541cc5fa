/* pcapng (draft-ietf-opsawg-pcapng) of raw IP.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/capture.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/context.h"

/* Big-endian throughout: the magic number says so to the reader. */
enum { SECTION_HEADER = 0x0a0d0d0a, INTERFACE_DESCRIPTION = 1, ENHANCED_PACKET = 6, MAGIC = 0x1a2b3c4d };
enum { OPTION_END = 0, SHB_USERAPPL = 4, IF_NAME = 2, EPB_FLAGS = 2, EPB_DROPCOUNT = 4 };
enum { LINKTYPE_RAW = 101, NETWORK = 0, DECRYPTED = 1 };
enum { PROTOCOL_UDP = 17, PROTOCOL_SCTP = 132 };
/* An IPv6 header and a UDP header; a packet's block without the packet */
enum { HEADERS_MAX = 48, BLOCK_MAX = 64, FILE_HEADER_MAX = 256 };

static size_t padding(size_t size) { return (4 - size % 4) % 4; }

static void write_option(struct prtc_writer *writer, uint16_t code, const void *value, size_t size) {
  prtc_write_u16(writer, code);
  prtc_write_u16(writer, (uint16_t)size);
  prtc_write_bytes(writer, value, size);
  prtc_write_integer(writer, 0, padding(size));
}

/* The length of a block stands at its beginning and at its end. */
static void end_block(struct prtc_writer *writer, size_t start) {
  prtc_write_integer(writer, OPTION_END, 4);
  uint32_t size = (uint32_t)(writer->size - start + 4);
  prtc_write_u32(writer, size);
  struct prtc_writer length = prtc_writer_of(writer->data + start + 4, 4);
  prtc_write_u32(&length, size);
}

static void write_interface(struct prtc_writer *writer, const char *name) {
  size_t start = writer->size;
  prtc_write_u32(writer, INTERFACE_DESCRIPTION);
  prtc_write_u32(writer, 0);
  prtc_write_u16(writer, LINKTYPE_RAW);
  prtc_write_u16(writer, 0);
  prtc_write_u32(writer, 0); /* no limit to a packet's size */
  write_option(writer, IF_NAME, name, strlen(name));
  end_block(writer, start);
}

static bool begin(struct prtc_context *context) {
  struct prtc_capture *capture = &context->capture;
  uint8_t bytes[FILE_HEADER_MAX];
  struct prtc_writer writer = prtc_writer_of(bytes, sizeof bytes);
  if (capture->begun) return true;
  prtc_write_u32(&writer, SECTION_HEADER);
  prtc_write_u32(&writer, 0);
  prtc_write_u32(&writer, MAGIC);
  prtc_write_u16(&writer, 1);
  prtc_write_u16(&writer, 0);
  prtc_write_integer(&writer, UINT64_MAX, 8); /* the section's length: not known */
  write_option(&writer, SHB_USERAPPL, "polyrtc", 7);
  end_block(&writer, 0);
  write_interface(&writer, "network");
  write_interface(&writer, "decrypted");
  capture->begun = prtc_sink_reserve(context, &capture->sink, writer.size);
  if (capture->begun) prtc_sink_append(&capture->sink, bytes, writer.size);
  return capture->begun;
}

/* RFC 1071, of a sum that is not complemented yet. */
static uint32_t add_up(uint32_t sum, const uint8_t *data, size_t size) {
  uint64_t wide = sum;
  for (size_t i = 0; i + 1 < size; i += 2) wide += (uint32_t)data[i] << 8 | data[i + 1];
  if (size % 2 != 0) wide += (uint32_t)data[size - 1] << 8;
  while (wide >> 16 != 0) wide = (wide & 0xffff) + (wide >> 16);
  return (uint32_t)wide;
}

static void put_checksum(uint8_t *at, uint32_t sum) {
  uint32_t checksum = ~sum & 0xffff;
  at[0] = (uint8_t)(checksum >> 8);
  at[1] = (uint8_t)checksum;
}

/* RFC 791 section 3.1, RFC 8200 section 3. Of two addresses of which one is unknown, it is of the other's family. */
static void write_ip(struct prtc_writer *writer, uint8_t protocol, const prtc_address *from, const prtc_address *to,
                     size_t payload) {
  if (from->family == PRTC_FAMILY_IPV6 || to->family == PRTC_FAMILY_IPV6) {
    prtc_write_u32(writer, 0x60000000);
    prtc_write_u16(writer, (uint16_t)payload);
    prtc_write_u8(writer, protocol);
    prtc_write_u8(writer, 64);
    prtc_write_bytes(writer, from->ip, 16);
    prtc_write_bytes(writer, to->ip, 16);
    return;
  }
  uint8_t *header = writer->data + writer->size;
  prtc_write_u16(writer, 0x4500);
  prtc_write_u16(writer, (uint16_t)(20 + payload));
  prtc_write_u32(writer, 0x4000); /* do not fragment */
  prtc_write_u8(writer, 64);
  prtc_write_u8(writer, protocol);
  prtc_write_u16(writer, 0);
  prtc_write_bytes(writer, from->ip, 4);
  prtc_write_bytes(writer, to->ip, 4);
  put_checksum(header + 10, add_up(0, header, 20));
}

/* RFC 768. The pseudo header's addresses are the last bytes of the IP header. */
static void write_udp(struct prtc_writer *writer, const prtc_address *from, const prtc_address *to, const uint8_t *data,
                      size_t size) {
  size_t addresses = writer->size == 20 ? 8 : 32;
  const uint8_t pseudo[4] = {0, PROTOCOL_UDP, (uint8_t)((size + 8) >> 8), (uint8_t)(size + 8)};
  uint32_t sum = add_up(0, writer->data + writer->size - addresses, addresses);
  uint8_t *header = writer->data + writer->size;
  prtc_write_u16(writer, from->port);
  prtc_write_u16(writer, to->port);
  prtc_write_u16(writer, (uint16_t)(size + 8));
  prtc_write_u16(writer, 0);
  sum = add_up(add_up(sum, pseudo, sizeof pseudo), header, 8);
  sum = add_up(sum, data, size);
  put_checksum(header + 6, sum == 0xffff ? 0 : sum); /* a checksum of 0 would mean that there is none */
}

/* An enhanced packet block: the headers, then the data. */
static void put_packet(struct prtc_context *context, uint32_t interface, bool outgoing, const uint8_t *headers,
                       size_t headers_size, const uint8_t *data, size_t size) {
  struct prtc_capture *capture = &context->capture;
  uint8_t bytes[BLOCK_MAX], zeros[4] = {0};
  struct prtc_writer writer = prtc_writer_of(bytes, sizeof bytes);
  uint64_t time = capture->epoch + context->log.now;
  size_t packet = headers_size + size;
  size_t options = 8 + (capture->lost > 0 ? 12 : 0) + 4;
  uint32_t block = (uint32_t)(28 + packet + padding(packet) + options + 4);
  if (!begin(context) || !prtc_sink_reserve(context, &capture->sink, block)) {
    capture->lost++;
    return;
  }
  prtc_write_u32(&writer, ENHANCED_PACKET);
  prtc_write_u32(&writer, block);
  prtc_write_u32(&writer, interface);
  prtc_write_integer(&writer, time, 8);
  prtc_write_u32(&writer, (uint32_t)packet);
  prtc_write_u32(&writer, (uint32_t)packet);
  prtc_sink_append(&capture->sink, bytes, writer.size);
  prtc_sink_append(&capture->sink, headers, headers_size);
  prtc_sink_append(&capture->sink, data, size);
  prtc_sink_append(&capture->sink, zeros, padding(packet));
  writer.size = 0;
  const uint8_t flags[4] = {0, 0, 0, outgoing ? 2 : 1};
  write_option(&writer, EPB_FLAGS, flags, sizeof flags);
  if (capture->lost > 0) {
    prtc_write_integer(&writer, (uint32_t)EPB_DROPCOUNT << 16 | 8, 4);
    prtc_write_integer(&writer, capture->lost, 8);
  }
  prtc_write_integer(&writer, OPTION_END, 4);
  prtc_write_u32(&writer, block);
  prtc_sink_append(&capture->sink, bytes, writer.size);
  capture->lost = 0;
}

void prtc_capture_datagram(struct prtc_context *context, bool outgoing, const uint8_t *data, size_t size) {
  const struct prtc_capture *capture = &context->capture;
  const prtc_address *from = outgoing ? &capture->local : &capture->remote;
  const prtc_address *to = outgoing ? &capture->remote : &capture->local;
  uint8_t headers[HEADERS_MAX];
  struct prtc_writer writer = prtc_writer_of(headers, sizeof headers);
  if (size > UINT16_MAX - HEADERS_MAX) return; /* no datagram is as large */
  write_ip(&writer, PROTOCOL_UDP, from, to, size + 8);
  write_udp(&writer, from, to, data, size);
  put_packet(context, NETWORK, outgoing, headers, writer.size, data, size);
}

void prtc_capture_sctp(struct prtc_context *context, bool outgoing, const uint8_t *packet, size_t size) {
  const struct prtc_capture *capture = &context->capture;
  uint8_t headers[HEADERS_MAX];
  struct prtc_writer writer = prtc_writer_of(headers, sizeof headers);
  if (size > UINT16_MAX - HEADERS_MAX) return;
  write_ip(&writer, PROTOCOL_SCTP, outgoing ? &capture->local : &capture->remote,
           outgoing ? &capture->remote : &capture->local, size);
  put_packet(context, DECRYPTED, outgoing, headers, writer.size, packet, size);
}
