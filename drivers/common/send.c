/* What goes out: trains in batches, and what the kernel does not take at once.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/common/driver.h"

/* What one call sends at most. What follows may be on its way to this very process, whose receive buffers are not
 * endless. */
#define DATAGRAMS_PER_CALL 256
#define BYTES_PER_CALL (1024u * 1024)
/* Bytes that wait for one socket; what comes then is dropped, as a full queue in the network would. */
#define PENDING_LIMIT (1024u * 1024)
/* µs until a datagram is tried again that found the queue of the interface full (nothing reports room there) */
#define RETRY_INTERVAL 1000
/* How often it is tried: the queue may be one that never holds as much */
#define TRIES 50

struct prtc_pending {
  struct prtc_pending *next;
  prtc_datagram datagram; /* its data follows this struct */
  size_t kept_size;
  int tries; /* that found the queue of the interface full */
};

struct batch {
  struct prtc_socket *socket; /* of all its datagrams */
  prtc_datagram datagrams[PRTC_SEND_BATCH];
  size_t count;
};

/* ------------------------------------------------------------------------------------------- what was not taken at once */

bool prtc_socket_keep(struct prtc_socket *socket, const prtc_datagram *datagram) {
  if (socket->pending_bytes + datagram->size > PENDING_LIMIT) return false;
  struct prtc_pending *pending = malloc(sizeof *pending + datagram->size);
  if (pending == NULL) return false;
  memcpy(pending + 1, datagram->data, datagram->size);
  pending->datagram = *datagram;
  pending->datagram.data = (const uint8_t *)(pending + 1);
  pending->next = NULL;
  pending->tries = 0;
  *socket->last_pending = pending;
  pending->kept_size = datagram->size;
  socket->last_pending = &pending->next;
  socket->pending_bytes += datagram->size;
  return true;
}

prtc_datagram *prtc_socket_first_kept(const struct prtc_socket *socket) {
  return socket->first_pending != NULL ? &socket->first_pending->datagram : NULL;
}

void prtc_socket_drop_first(struct prtc_socket *socket) {
  struct prtc_pending *pending = socket->first_pending;
  socket->first_pending = pending->next;
  if (socket->first_pending == NULL) socket->last_pending = &socket->first_pending;
  socket->pending_bytes -= pending->kept_size;
  free(pending);
}

void prtc_socket_drop_pending(struct prtc_socket *socket) {
  while (socket->first_pending != NULL) prtc_socket_drop_first(socket);
}

/* Arranges that prtc_socket_send_pending is called when there may be room: the system knows that of the socket's buffer,
 * nobody of the queue of the interface. */
static void wait_for_room(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now, int error) {
  if (error == EAGAIN) prtc_socket_watch_output(driver, socket, true);
  if ((error != EAGAIN || !socket->waits_for_output) && driver->retry == PRTC_NEVER) driver->retry = now + RETRY_INTERVAL;
}

/* As the system's `send`, of those at the beginning that are alike in whether they may be fragmented. */
static int send_alike(const struct prtc_driver *driver, struct prtc_socket *socket, const prtc_datagram *datagrams,
                      size_t count) {
  size_t alike = 1;
  while (alike < count && datagrams[alike].fragmentation == datagrams[0].fragmentation) alike++;
  prtc_socket_set_fragmentation(socket, datagrams[0].fragmentation);
  return driver->system->send(socket, datagrams, alike);
}

/* ------------------------------------------------------------------------------------------------------ one at a time */

enum outcome { TAKEN, TOO_LARGE, REFUSED, FULL };

/* `error` is what the system said of this datagram or train: tries what else there is. FULL leaves errno. */
static enum outcome send_one(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now,
                             const prtc_datagram *datagram, int error) {
  if (error != EAGAIN && error != ENOBUFS && error != EMSGSIZE) {
    /* It may be about an earlier datagram: ICMP's answer to that one is reported by whatever call comes next. */
    driver->system->read_errors(driver, socket, now);
    if (send_alike(driver, socket, datagram, 1) == 1) return TAKEN;
    error = errno;
  }
  if (error == EAGAIN || error == ENOBUFS) {
    errno = error;
    return FULL;
  }
  /* Too large for the interface: lost, as it would be further on. The core is looking for what the path takes. */
  if (error == EMSGSIZE) return TOO_LARGE;
  prtc_endpoint_unreachable(driver->endpoint, now, socket->id, &datagram->remote, error);
  return REFUSED;
}

/* A train that was refused as one, its datagrams one by one. Those that find no room are kept. */
static void send_segments(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now,
                          const prtc_datagram *train) {
  for (size_t offset = 0; offset < train->size; offset += train->segment_size) {
    prtc_datagram segment = *train;
    segment.data += offset;
    segment.size = train->size - offset < train->segment_size ? train->size - offset : train->segment_size;
    segment.segment_size = 0;
    if (socket->first_pending != NULL) {
      (void)prtc_socket_keep(socket, &segment); /* at the bound it is lost, as in a full queue of the network */
    } else if (send_alike(driver, socket, &segment, 1) < 1) {
      enum outcome outcome = send_one(driver, socket, now, &segment, errno);
      if (outcome == REFUSED) return;
      if (outcome == FULL) {
        wait_for_room(driver, socket, now, errno);
        (void)prtc_socket_keep(socket, &segment);
      }
    }
  }
}

/* ----------------------------------------------------------------------------------------------------------- in batches */

/* Sends `count` datagrams of one socket; returns how many are dealt with. Fewer: there is no room, errno says which. */
static size_t send_many(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now,
                        const prtc_datagram *datagrams, size_t count) {
  size_t done = 0;
  while (done < count) {
    const prtc_datagram *next = &datagrams[done];
    bool train = next->segment_size != 0 && next->segment_size < next->size;
    if (train && socket->single_segments) {
      send_segments(driver, socket, now, next);
      done++;
      continue;
    }
    int sent = send_alike(driver, socket, next, count - done);
    if (sent > 0) {
      done += (size_t)sent;
    } else if (train && (errno == EIO || errno == EINVAL || errno == EMSGSIZE || errno == ENOBUFS)) {
      /* EIO: a device that computes no checksums, it will refuse the next train, too. EINVAL, EMSGSIZE: the segments are
       * larger than the path's MTU; of single datagrams the kernel makes fragments where it may. ENOBUFS: the train may be more than the
       * socket's buffer will ever hold. */
      socket->single_segments = errno == EIO;
      send_segments(driver, socket, now, next);
      done++;
    } else if (send_one(driver, socket, now, next, errno) == FULL) {
      return done;
    } else {
      done++;
    }
  }
  return done;
}

static void send_batch(struct prtc_driver *driver, struct batch *batch, prtc_time now) {
  struct prtc_socket *socket = batch->socket;
  size_t done = 0;
  if (socket != NULL && batch->count > 0) {
    if (socket->first_pending == NULL) {
      done = send_many(driver, socket, now, batch->datagrams, batch->count);
      if (done < batch->count) wait_for_room(driver, socket, now, errno);
    }
    for (; done < batch->count; done++) (void)prtc_socket_keep(socket, &batch->datagrams[done]);
  }
  batch->count = 0;
}

int prtc_driver_transmit(struct prtc_driver *driver, prtc_time now) {
  struct batch batch; /* mostly empty: its datagrams are not set */
  batch.socket = NULL;
  batch.count = 0;
  size_t datagrams = 0, bytes = 0, used = 0;
  while (datagrams < DATAGRAMS_PER_CALL && bytes < BYTES_PER_CALL) {
    prtc_datagram datagram;
    if (batch.count == PRTC_SEND_BATCH || PRTC_SEND_SPACE - used < PRTC_TRAIN_SIZE) {
      send_batch(driver, &batch, now);
      used = 0;
    }
    int size = prtc_endpoint_transmit(driver->endpoint, now, &datagram, driver->send_space + used, PRTC_TRAIN_SIZE);
    if (size <= 0) {
      send_batch(driver, &batch, now);
      return size < 0 ? size : datagrams > 0;
    }
    datagrams++;
    bytes += datagram.size;
    used += datagram.size;
    if (batch.count > 0 && datagram.socket != batch.socket->id) send_batch(driver, &batch, now);
    if (batch.count == 0) batch.socket = prtc_socket_find(driver, datagram.socket);
    if (batch.socket == NULL) continue; /* closed meanwhile */
    if (batch.socket->kind != PRTC_SOCKET_UDP) { /* at once: the next transmit depends on whether it takes more */
      prtc_stream_send(driver, batch.socket, now, &datagram);
      continue;
    }
    batch.datagrams[batch.count++] = datagram;
  }
  send_batch(driver, &batch, now);
  driver->more = true;
  return 1;
}

void prtc_socket_send_pending(struct prtc_driver *driver, struct prtc_socket *socket, prtc_time now) {
  while (socket->first_pending != NULL) {
    struct prtc_pending *first = socket->first_pending;
    if (send_many(driver, socket, now, &first->datagram, 1) == 0 && (errno == EAGAIN || ++first->tries < TRIES)) {
      wait_for_room(driver, socket, now, errno);
      return;
    }
    prtc_socket_drop_first(socket);
  }
  prtc_socket_watch_output(driver, socket, false);
}
