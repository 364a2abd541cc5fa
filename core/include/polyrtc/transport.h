/* polyrtc/transport.h: the transports of a peer one by one, as ORTC has them, without descriptions.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A peer is made as ever (prtc_peer_new: ICE servers, certificates and so on), lives in its endpoint, and is driven by
 * the same verbs and events. In place of offers and answers each of its layers is started by itself, with the parameters
 * of the other side:
 *
 *     prtc_peer_gather            ICE_CANDIDATE, ICE_GATHERING_STATE_CHANGE      RTCIceGatherer
 *     prtc_peer_start_ice         ICE_TRANSPORT_STATE_CHANGE                     RTCIceTransport
 *     prtc_peer_start_dtls        DTLS_TRANSPORT_STATE_CHANGE                    RTCDtlsTransport
 *     prtc_peer_start_sctp        SCTP_TRANSPORT_STATE_CHANGE                    RTCSctpTransport
 *     prtc_peer_create_data_channel … as ever, at any time                       RTCDataChannel
 *
 * The order is that one; no stage has to wait for the one before to be connected, and one may be the last. What the last
 * one carries is the application's own: datagrams over ICE, records over DTLS (prtc_peer_send_raw, TRANSPORT_DATA). An
 * SCTP packet is such a record, so another SCTP can be used over DTLS; what comes before the next stage is started does
 * not reach that.
 *
 * Parameters are JSON, of 64 KiB at most, to be carried to the other side in any way:
 *
 *     {"iceParameters": {"usernameFragment": "…", "password": "…", "iceLite": false},
 *      "iceCandidates": [{"foundation": "1", "priority": 2130706431, "ip": "192.0.2.1", "port": 5000, "protocol": "udp",
 *                         "type": "host"}],     also "tcpType", "relatedAddress", "relatedPort"; or "candidate:…"
 *      "iceCandidatesComplete": true,
 *      "dtlsParameters": {"role": "auto", "fingerprints": [{"algorithm": "sha-256", "value": "AB:CD:…"}]},
 *      "sctpParameters": {"port": 5000, "maxMessageSize": 262144}}
 *
 * Each function reads the members that are its own; the others may be missing, and unknown ones are skipped. Once one of
 * these functions was called, those that take or make descriptions are refused with INVALID_STATE, and these are on a
 * peer that has a description. A bad text is refused with SYNTAX, and prtc_peer_error_message says why.
 */
#ifndef POLYRTC_TRANSPORT_H
#define POLYRTC_TRANSPORT_H

#include <polyrtc/peer.h>

PRTC_BEGIN_DECLS

/* The layer that an application's own data goes over: `kind` of PRTC_EVENT_TRANSPORT_DATA. */
typedef enum prtc_stage { PRTC_STAGE_ICE = 1, PRTC_STAGE_DTLS } prtc_stage;

/* Begins to gather. Each candidate comes as ICE_CANDIDATE with its text and without a mid. Twice is harmless. */
PRTC_API int prtc_peer_gather(prtc_peer *peer, prtc_time now);

/* Writes this side's parameters, with the candidates that are known so far, NUL-terminated; returns the length, or
 * BUFFER_TOO_SMALL. 64 KiB are always enough. INVALID_STATE before prtc_peer_gather. */
PRTC_API int prtc_peer_get_parameters(const prtc_peer *peer, char *out, size_t capacity);

/* Starts ICE with iceParameters, and takes iceCandidates as prtc_peer_add_candidates does. One side is to be controlling.
 * Again with other credentials: the other side has restarted. */
PRTC_API int prtc_peer_start_ice(prtc_peer *peer, prtc_time now, const char *json, size_t size, int controlling);

/* Another certificate than that of the configuration: PEM of it and of its private key. Before prtc_peer_start_dtls, also when
 * ICE is connected already; the dtlsParameters of prtc_peer_get_parameters are others then. Errors: INVALID_STATE (DTLS is
 * started), SYNTAX, INVALID_ARGUMENT (the key belongs to another certificate), INVALID_ACCESS (it has expired). */
PRTC_API int prtc_peer_set_certificate(prtc_peer *peer, prtc_time now, const char *pem);

/* More iceCandidates of the other side, and iceCandidatesComplete. Legal before prtc_peer_start_ice. */
PRTC_API int prtc_peer_add_candidates(prtc_peer *peer, prtc_time now, const char *json, size_t size);

/* Starts DTLS with dtlsParameters: the handshake begins as soon as ICE has a pair. Of two sides with the role "auto",
 * which is what prtc_peer_get_parameters says, the one that is not controlling is the client. Errors: INVALID_STATE
 * (before ICE, or twice), NOT_SUPPORTED (no fingerprint of a known algorithm), QUEUE_FULL (too many). */
PRTC_API int prtc_peer_start_dtls(prtc_peer *peer, prtc_time now, const char *json, size_t size);

/* Starts SCTP with sctpParameters, as soon as DTLS is connected. INVALID_STATE before DTLS, or twice. */
PRTC_API int prtc_peer_start_sctp(prtc_peer *peer, prtc_time now, const char *json, size_t size);

/* Queues a datagram for the last stage that was started. What it cannot deliver is lost, as on any network. Errors:
 * INVALID_STATE (it is not connected, or it is SCTP), INVALID_ARGUMENT (no bytes; over ICE also a first byte of 0 to 3,
 * which is STUN's: RFC 7983), MESSAGE_TOO_LARGE (for the mtu of the configuration; a DTLS record has 37 bytes more),
 * QUEUE_FULL (256 wait), NO_MEMORY. */
PRTC_API int prtc_peer_send_raw(prtc_peer *peer, prtc_time now, const uint8_t *data, size_t size);

PRTC_END_DECLS

#endif
