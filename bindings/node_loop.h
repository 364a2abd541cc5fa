/* An endpoint's driver in the event loop of Node: its one descriptor is watched, its events are handed to JavaScript.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * This is the only part of the Node module that knows libuv. libuv is not in Node-API's promise, so it is kept to a few
 * functions that have been the same since libuv 1.19, on handles whose size libuv itself tells.
 */
#ifndef PRTC_BINDINGS_NODE_LOOP_H
#define PRTC_BINDINGS_NODE_LOOP_H

#include <node_api.h>
#include <polyrtc/types.h>

PRTC_BEGIN_DECLS

struct prtc_handle;
struct prtc_handle_certificate;

/* Watches the driver of `handle` (whose object in JavaScript is `endpoint`) until close() of the object that is returned, or the
 * end of the environment. NULL: an exception is pending.
 *
 * on_turn(type, peer, object, data, kind, flags, state, code, text, mid, ufrag, index) is called
 *   - with type 0, again and again until it returns something else than true, before the endpoint is driven;
 *   - then with each event of the endpoint. `data` is a string (a text), an ArrayBuffer or null; text, mid and ufrag are
 *     strings or null, all else numbers.
 * Each call is a task: microtasks and process.nextTick have run before the next one.
 *
 * The object has
 *   send(peer, channel, data)            a string, ArrayBuffer or view; a prtc_error or 0
 *   sendPart(peer, channel, data, flags) as prtc_peer_send_part
 *   buffered(peer, channel)              bufferedAmount; a prtc_error
 *   schedule()                           a turn soon: after commands, or for a call with type 0
 *   flush()                              the same, and sends at once, unless called from within the telling of events
 *   hold(yes)                            whether the loop stays for the sake of the descriptor alone; at first it does not
 *   close()                              at once and for good; the endpoint is the caller's to close, afterwards
 */
napi_value prtc_node_attach(napi_env env, struct prtc_handle *handle, napi_value endpoint, napi_value on_turn);

/* prtc_handle_certificate_generate in a thread of the pool: `done` is called with its code, 0 or a prtc_error. `object` is that
 * of the certificate, which nobody may use meanwhile. NULL: an exception is pending. */
napi_value prtc_node_generate(napi_env env, struct prtc_handle_certificate *certificate, napi_value object, uint32_t key_type,
                              int64_t wall_clock, int64_t expires, napi_value done);

PRTC_END_DECLS

#endif
