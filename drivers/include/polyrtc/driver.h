/* polyrtc/driver.h: sockets, the clock, entropy and names around an endpoint, behind one descriptor and one call.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The driver owns what the core must not know. Any event loop can run it: watch the descriptor for readability, then call
 * prtc_driver_process. The whole of a program with a loop of its own:
 *
 *     prtc_driver *driver = prtc_driver_new(&config);
 *     prtc_endpoint *endpoint = prtc_driver_endpoint(driver);
 *     prtc_peer_new(endpoint, prtc_driver_now(driver), …);          // commands, at any time …
 *     for (;;) {
 *       do {
 *         prtc_driver_flush(driver);                                // … are followed by a flush
 *         n = prtc_endpoint_event(endpoint, events, 32);            // so is this: it opens the receive window
 *         handle(events, n);                                        // may give commands. ENDPOINT_FAILED: leave the loop
 *       } while (n > 0);
 *       prtc_driver_wait(driver, PRTC_NEVER);
 *       prtc_driver_process(driver);
 *     }
 *
 * There are two drivers with these functions. Linux has one descriptor for all that may happen. The portable one, of
 * systems without such a thing, has several that come and go, and a deadline: prtc_driver_wait and prtc_driver_watches
 * serve with both.
 *
 * Promises
 *   - No call but prtc_driver_wait blocks, none starts a thread, none installs a handler; there are no globals. One driver
 *     is used by one thread at a time, two drivers in two threads share nothing.
 *   - The work of one call is bounded: the descriptor stays (or becomes) readable when more is to do, so that a flood of
 *     datagrams does not starve the rest of the loop.
 *   - After fork, the child's copy is inert: process and flush answer INVALID_STATE and touch nothing that the parent
 *     shares; prtc_driver_free closes the child's descriptors alone. All descriptors are closed by exec.
 *   - Of the endpoint, the application uses the commands, prtc_endpoint_event, _log, _output and _get_stats. What carries
 *     bytes, time and requests (receive, transmit, timeout, request, reply …) is the driver's.
 */
#ifndef POLYRTC_DRIVER_H
#define POLYRTC_DRIVER_H

#include <polyrtc/endpoint.h>
#include <polyrtc/error.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

typedef struct prtc_driver prtc_driver;

typedef struct prtc_driver_config {
  size_t size;                     /* sizeof(prtc_driver_config); PRTC_INIT sets it */
  const prtc_allocator *allocator; /* of the endpoint, see prtc_endpoint_config. The driver itself uses malloc */
  uint32_t log_level;              /* prtc_log_level, see prtc_endpoint_config */
  uint32_t receive_buffer;         /* bytes that the kernel may hold for each socket: SO_RCVBUF, within its limit. 0: 1
                                      MiB */
  uint32_t send_buffer;            /* the same for SO_SNDBUF; 0: 1 MiB */
  uint32_t key_log;                /* this and the next two: see prtc_endpoint_config. Poll prtc_endpoint_output after
                                      each */
  size_t capture_size;             /* prtc_driver_process and prtc_driver_flush, and write what it gives to a file */
  size_t recording_size;
  uint32_t portable;               /* 1: the portable driver, also where there is a better one */
  uint32_t udp_port;               /* one UDP port for all peers, or PRTC_PORT_ANY: see prtc_endpoint_config */
} prtc_driver_config;

/* Makes a driver and its endpoint, with a fresh seed from the system's random source and its wall clock. `config` may be
 * NULL for the defaults. NULL on failure: errno says why. Free with prtc_driver_free. */
PRTC_API prtc_driver *prtc_driver_new(const prtc_driver_config *config);

/* Frees the endpoint and closes every descriptor, at once and silently (close the peers first, and drive until their
 * `closed` states are reported, to say goodbye). NULL is allowed. */
PRTC_API void prtc_driver_free(prtc_driver *driver);

/* The descriptor to watch for readability. It is the same for as long as the driver lives, and the driver's to close.
 * The portable driver has none: -1. */
PRTC_API int prtc_driver_descriptor(const prtc_driver *driver);

/* The endpoint, for commands and events. It belongs to the driver. */
PRTC_API prtc_endpoint *prtc_driver_endpoint(prtc_driver *driver);

/* The time to give to commands: microseconds of CLOCK_MONOTONIC, the same for all drivers (NULL is allowed). */
PRTC_API prtc_time prtc_driver_now(const prtc_driver *driver);

/* The descriptor is readable (or may be: calling it in vain is harmless): takes what arrived, lets time pass, carries out
 * requests, sends, and sets the timer for the next deadline. Events may be ready afterwards, whatever is returned: 0,
 * INVALID_STATE in a forked child, or the fatal code of the endpoint, whose ENDPOINT_FAILED is then among the events. */
PRTC_API int prtc_driver_process(prtc_driver *driver);

/* After commands: carries out requests, sends what is queued and sets the timer. No system call when there is nothing to do
 * but to look at the clock. Events may be ready afterwards; those that are being handled stay valid, which is not so after
 * prtc_driver_process. Returns as that does. */
PRTC_API int prtc_driver_flush(prtc_driver *driver);

/* ---------------------------------------------------------------------------- waiting, where there is no one descriptor */

/* Blocks until there is something to process (returns 1), until the time `until` has come, or a signal (0). Then, in any
 * case, call prtc_driver_process. INVALID_STATE in a forked child. */
PRTC_API int prtc_driver_wait(prtc_driver *driver, prtc_time until);

/* What an event loop of another's watches in place of the one descriptor. */
typedef struct prtc_watch {
  int descriptor;
  uint32_t input;  /* 1: until it is readable */
  uint32_t output; /* 1: until it is writable */
  uint64_t id;     /* another when a descriptor was closed and its number given to the next: it is to be watched anew */
} prtc_watch;

/* Fills up to `capacity` watches; returns how many there are. They may change with each call of process or flush: ask again
 * after it. The Linux driver has one, its descriptor. */
PRTC_API int prtc_driver_watches(const prtc_driver *driver, prtc_watch *out, size_t capacity);

/* When prtc_driver_process must be called at the latest, although no watch has fired; PRTC_NEVER: the descriptor says so
 * (Linux), or nothing waits for time. Changes as the watches do. */
PRTC_API prtc_time prtc_driver_deadline(const prtc_driver *driver);

PRTC_END_DECLS

#endif
