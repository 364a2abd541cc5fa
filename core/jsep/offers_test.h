/* Data offers in the manner of browsers and other stacks, made up for these tests.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_JSEP_OFFERS_TEST_H
#define PRTC_JSEP_OFFERS_TEST_H

#define OFFER_FINGERPRINT \
  "7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08"

#define OFFER_CHROMIUM \
  "v=0\r\n" \
  "o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=group:BUNDLE 0\r\n" \
  "a=extmap-allow-mixed\r\n" \
  "a=msid-semantic: WMS\r\n" \
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:4ZcD\r\n" \
  "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlzO\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n" \
  "a=mid:0\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=max-message-size:262144\r\n"

#define OFFER_CHROMIUM_MEDIA \
  "v=0\r\n" \
  "o=- 1815849 2 IN IP4 127.0.0.1\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=group:BUNDLE 0 1 2\r\n" \
  "a=extmap-allow-mixed\r\n" \
  "a=msid-semantic: WMS 0c4b6b6e\r\n" \
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=rtcp:9 IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:8hhY\r\n" \
  "a=ice-pwd:asd88fgpdd777uzjYhagZgBv\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n" \
  "a=mid:0\r\n" \
  "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n" \
  "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" \
  "a=sendrecv\r\n" \
  "a=msid:0c4b6b6e 1f2d5a5b\r\n" \
  "a=rtcp-mux\r\n" \
  "a=rtcp-rsize\r\n" \
  "a=rtpmap:111 opus/48000/2\r\n" \
  "a=rtcp-fb:111 transport-cc\r\n" \
  "a=fmtp:111 minptime=10;useinbandfec=1\r\n" \
  "a=rtpmap:63 red/48000/2\r\n" \
  "a=fmtp:63 111/111\r\n" \
  "a=rtpmap:9 G722/8000\r\n" \
  "a=rtpmap:0 PCMU/8000\r\n" \
  "a=rtpmap:8 PCMA/8000\r\n" \
  "a=rtpmap:13 CN/8000\r\n" \
  "a=rtpmap:110 telephone-event/48000\r\n" \
  "a=rtpmap:126 telephone-event/8000\r\n" \
  "a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\n" \
  "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=rtcp:9 IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:8hhY\r\n" \
  "a=ice-pwd:asd88fgpdd777uzjYhagZgBv\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n" \
  "a=mid:1\r\n" \
  "a=recvonly\r\n" \
  "a=rtcp-mux\r\n" \
  "a=rtcp-rsize\r\n" \
  "a=rtpmap:96 VP8/90000\r\n" \
  "a=rtcp-fb:96 nack pli\r\n" \
  "a=rtpmap:97 rtx/90000\r\n" \
  "a=fmtp:97 apt=96\r\n" \
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:8hhY\r\n" \
  "a=ice-pwd:asd88fgpdd777uzjYhagZgBv\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n" \
  "a=mid:2\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=max-message-size:262144\r\n"

#define OFFER_FIREFOX \
  "v=0\r\n" \
  "o=mozilla...THIS_IS_SDPARTA-99.0 5235223545353 0 IN IP4 0.0.0.0\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=group:BUNDLE 0\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=msid-semantic:WMS *\r\n" \
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=sendrecv\r\n" \
  "a=ice-pwd:0f6cb3d8d5b1c1f0a2f2c1ac5a9c8a8e\r\n" \
  "a=ice-ufrag:ad1a5ee0\r\n" \
  "a=mid:0\r\n" \
  "a=setup:actpass\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=max-message-size:1073741823\r\n"

#define OFFER_FIREFOX_CANDIDATES \
  "v=0\r\n" \
  "o=mozilla...THIS_IS_SDPARTA-99.0 2817 1 IN IP4 0.0.0.0\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=group:BUNDLE 0\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=msid-semantic:WMS *\r\n" \
  "m=application 45002 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 192.0.2.44\r\n" \
  "a=candidate:0 1 UDP 2122252543 192.0.2.44 45002 typ host\r\n" \
  "a=candidate:2 1 TCP 2105524479 192.0.2.44 9 typ host tcptype active\r\n" \
  "a=candidate:3 1 UDP 2122187007 6dbf2ac4-1d4a-4f6f-a8f2-4bb9dc5d8a3f.local 45003 typ host\r\n" \
  "a=sendrecv\r\n" \
  "a=end-of-candidates\r\n" \
  "a=ice-pwd:0f6cb3d8d5b1c1f0a2f2c1ac5a9c8a8e\r\n" \
  "a=ice-ufrag:ad1a5ee0\r\n" \
  "a=mid:0\r\n" \
  "a=setup:actpass\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=max-message-size:1073741823\r\n"

#define OFFER_AIORTC \
  "v=0\r\n" \
  "o=- 3859483212 3859483212 IN IP4 0.0.0.0\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=group:BUNDLE 0\r\n" \
  "a=msid-semantic:WMS *\r\n" \
  "m=application 40417 DTLS/SCTP 5000\r\n" \
  "c=IN IP4 192.0.2.7\r\n" \
  "a=mid:0\r\n" \
  "a=sctpmap:5000 webrtc-datachannel 65535\r\n" \
  "a=max-message-size:65536\r\n" \
  "a=candidate:a5d8f4f0b6e8a5a1a9f5c1a4e6b7c8d9 1 udp 2130706431 192.0.2.7 40417 typ host\r\n" \
  "a=candidate:5f8a6d4c3b2a1908f7e6d5c4 1 udp 1694498815 198.51.100.3 40417 typ srflx raddr 192.0.2.7 rport 40417\r\n" \
  "a=end-of-candidates\r\n" \
  "a=ice-ufrag:sXa2\r\n" \
  "a=ice-pwd:mZp1Vw0JxH8sQ3nYbR7tLk\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n"

#define OFFER_PION \
  "v=0\r\n" \
  "o=- 5483475683465873 1715855122 IN IP4 0.0.0.0\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=msid-semantic:WMS*\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=extmap-allow-mixed\r\n" \
  "a=group:BUNDLE 0\r\n" \
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=setup:actpass\r\n" \
  "a=mid:0\r\n" \
  "a=sendrecv\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=max-message-size:1073741823\r\n" \
  "a=ice-ufrag:EsAwBZCtByFrMfPp\r\n" \
  "a=ice-pwd:QnNgDEcqXcxoCUCtTkUtgFoLtKvUfSda\r\n" \
  "a=candidate:3628985204 1 udp 2130706431 192.0.2.9 51555 typ host\r\n" \
  "a=candidate:3628985204 2 udp 2130706431 192.0.2.9 51555 typ host\r\n" \
  "a=end-of-candidates\r\n"

#define OFFER_LIBDATACHANNEL \
  "v=0\r\n" \
  "o=rtc 3767197920 0 IN IP4 127.0.0.1\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=group:BUNDLE 0\r\n" \
  "a=group:LS 0\r\n" \
  "a=msid-semantic:WMS *\r\n" \
  "a=setup:actpass\r\n" \
  "a=ice-ufrag:gKyy\r\n" \
  "a=ice-pwd:LtRSsWDuJmCdeHfzHkrbYg\r\n" \
  "a=ice-options:ice2,trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=mid:0\r\n" \
  "a=sendrecv\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=max-message-size:262144\r\n"

#define OFFER_STR0M \
  "v=0\r\n" \
  "o=str0m-0.9.0 7263547852 2 IN IP4 0.0.0.0\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=group:BUNDLE xfD\r\n" \
  "a=msid-semantic: WMS *\r\n" \
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=mid:xfD\r\n" \
  "a=ice-ufrag:vFGs\r\n" \
  "a=ice-pwd:cwnSg8zQpfy1kZyXJV7P5m\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n" \
  "a=candidate:12049437411 1 udp 2130706175 192.0.2.23 3478 typ host\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=max-message-size:262144\r\n"

#define OFFER_WEBRTCBIN \
  "v=0\r\n" \
  "o=- 8013461203 0 IN IP4 0.0.0.0\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=group:BUNDLE application0\r\n" \
  "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=setup:actpass\r\n" \
  "a=ice-ufrag:Y2Vb3x3nE2qW7w8zYgKPbDg9uK2qS6aT\r\n" \
  "a=ice-pwd:m9k0Zk3qR2vC1xT7yU5oP4aS6dF8gH0j\r\n" \
  "a=bundle-only\r\n" \
  "a=mid:application0\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n"

#define OFFER_CHROMIUM_MAX_BUNDLE \
  "v=0\r\n" \
  "o=- 1815849 2 IN IP4 127.0.0.1\r\n" \
  "s=-\r\n" \
  "t=0 0\r\n" \
  "a=group:BUNDLE 0 1 2\r\n" \
  "a=extmap-allow-mixed\r\n" \
  "a=msid-semantic: WMS 0c4b6b6e\r\n" \
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=rtcp:9 IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:8hhY\r\n" \
  "a=ice-pwd:asd88fgpdd777uzjYhagZgBv\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n" \
  "a=mid:0\r\n" \
  "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n" \
  "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" \
  "a=sendrecv\r\n" \
  "a=msid:0c4b6b6e 1f2d5a5b\r\n" \
  "a=rtcp-mux\r\n" \
  "a=rtcp-rsize\r\n" \
  "a=rtpmap:111 opus/48000/2\r\n" \
  "a=rtcp-fb:111 transport-cc\r\n" \
  "a=fmtp:111 minptime=10;useinbandfec=1\r\n" \
  "a=rtpmap:63 red/48000/2\r\n" \
  "a=fmtp:63 111/111\r\n" \
  "a=rtpmap:9 G722/8000\r\n" \
  "a=rtpmap:0 PCMU/8000\r\n" \
  "a=rtpmap:8 PCMA/8000\r\n" \
  "a=rtpmap:13 CN/8000\r\n" \
  "a=rtpmap:110 telephone-event/48000\r\n" \
  "a=rtpmap:126 telephone-event/8000\r\n" \
  "a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\n" \
  "m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=rtcp:9 IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:8hhY\r\n" \
  "a=ice-pwd:asd88fgpdd777uzjYhagZgBv\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n" \
  "a=bundle-only\r\n" \
  "a=mid:1\r\n" \
  "a=recvonly\r\n" \
  "a=rtcp-mux\r\n" \
  "a=rtcp-rsize\r\n" \
  "a=rtpmap:96 VP8/90000\r\n" \
  "a=rtcp-fb:96 nack pli\r\n" \
  "a=rtpmap:97 rtx/90000\r\n" \
  "a=fmtp:97 apt=96\r\n" \
  "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
  "c=IN IP4 0.0.0.0\r\n" \
  "a=ice-ufrag:8hhY\r\n" \
  "a=ice-pwd:asd88fgpdd777uzjYhagZgBv\r\n" \
  "a=ice-options:trickle\r\n" \
  "a=fingerprint:sha-256 " OFFER_FINGERPRINT "\r\n" \
  "a=setup:actpass\r\n" \
  "a=bundle-only\r\n" \
  "a=mid:2\r\n" \
  "a=sctp-port:5000\r\n" \
  "a=max-message-size:262144\r\n"

#endif
