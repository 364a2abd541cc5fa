// SPDX-License-Identifier: BSD-3-Clause

package polyrtc_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	webrtc "polyrtc.dev/polyrtc"
	"polyrtc.dev/polyrtc/ice"
)

// offered is the offer that a connection makes, with all its candidates.
func offered(t *testing.T, configuration webrtc.Configuration, settings ...func(*webrtc.SettingEngine)) string {
	t.Helper()
	pc, err := loopback(settings...).NewPeerConnection(configuration)
	check(t, err)
	defer pc.GracefulClose()
	_, err = pc.CreateDataChannel("", nil)
	check(t, err)
	gathered := webrtc.GatheringCompletePromise(pc)
	check(t, pc.SetLocalDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer}))
	got(t, gathered)
	return pc.LocalDescription().SDP
}

// candidates are those lines of a description: protocol, address, port, type and so on.
func candidates(sdp string) (found [][]string) {
	for _, line := range strings.Split(sdp, "\r\n") {
		if strings.HasPrefix(line, "a=candidate:") {
			fields := strings.Fields(line)
			found = append(found, append([]string{fields[2], fields[4], fields[5], fields[7]}, fields[8:]...))
		}
	}
	return found
}

func TestSettingsOfCandidates(t *testing.T) {
	every := func(what string, holds func(candidate []string) bool) func(*testing.T, [][]string) {
		return func(t *testing.T, found [][]string) {
			if len(found) == 0 {
				t.Error("there is no candidate")
			}
			for _, candidate := range found {
				if !holds(candidate) {
					t.Errorf("not %s: %v", what, candidate)
				}
			}
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	tcpPort := fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(t, err)
	udpPort := fmt.Sprint(socket.LocalAddr().(*net.UDPAddr).Port)
	for name, one := range map[string]struct {
		set  func(*webrtc.SettingEngine)
		look func(*testing.T, [][]string)
	}{
		"ports": {
			func(s *webrtc.SettingEngine) { check(t, s.SetEphemeralUDPPortRange(41000, 41999)) },
			every("in the range", func(c []string) bool { return strings.HasPrefix(c[2], "41") || c[0] == "tcp" }),
		},
		"multicast DNS": {
			func(s *webrtc.SettingEngine) { s.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryAndGather) },
			every("hidden", func(c []string) bool { return strings.HasSuffix(c[1], ".local") }),
		},
		"network types": {
			func(s *webrtc.SettingEngine) { s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4}) },
			every("UDP over IPv4", func(c []string) bool { return c[0] == "udp" && net.ParseIP(c[1]).To4() != nil }),
		},
		"IP filter": {
			func(s *webrtc.SettingEngine) { s.SetIPFilter(func(ip net.IP) bool { return ip.To4() != nil }) },
			every("IPv4", func(c []string) bool { return net.ParseIP(c[1]).To4() != nil }),
		},
		"no IP": {
			func(s *webrtc.SettingEngine) { s.SetIPFilter(func(net.IP) bool { return false }) },
			func(t *testing.T, found [][]string) {
				if len(found) > 0 {
					t.Errorf("there are candidates: %v", found)
				}
			},
		},
		"no interface": {
			func(s *webrtc.SettingEngine) { s.SetInterfaceFilter(func(string) bool { return false }) },
			func(t *testing.T, found [][]string) {
				if len(found) > 0 {
					t.Errorf("there are candidates: %v", found)
				}
			},
		},
		"UDP mux": {
			func(s *webrtc.SettingEngine) { s.SetICEUDPMux(webrtc.NewICEUDPMux(nil, socket)) },
			every("at the port", func(c []string) bool { return c[0] == "tcp" || c[2] == udpPort }),
		},
		"TCP mux": {
			func(s *webrtc.SettingEngine) { s.SetICETCPMux(webrtc.NewICETCPMux(nil, listener, 8)) },
			func(t *testing.T, found [][]string) {
				for _, c := range found {
					if c[0] == "tcp" && c[2] == tcpPort && strings.Contains(strings.Join(c, " "), "tcptype passive") {
						return
					}
				}
				t.Errorf("nobody listens at %s: %v", tcpPort, found)
			},
		},
		"no TCP": {
			func(s *webrtc.SettingEngine) { s.DisableActiveTCP(true) },
			every("UDP", func(c []string) bool { return c[0] == "udp" }),
		},
	} {
		t.Run(name, func(t *testing.T) { one.look(t, candidates(offered(t, webrtc.Configuration{}, one.set))) })
	}
}

func TestSettingsInDescriptions(t *testing.T) {
	for wanted, set := range map[string]func(*webrtc.SettingEngine){
		"a=ice-lite\r\n":              func(s *webrtc.SettingEngine) { s.SetLite(true) },
		"a=max-message-size:0\r\n":    func(s *webrtc.SettingEngine) { s.SetSCTPMaxMessageSize(webrtc.NoLimit) },
		"a=max-message-size:1000\r\n": func(s *webrtc.SettingEngine) { s.SetSCTPMaxMessageSize(1000) },
		"a=ice-pacing:10\r\n":         func(s *webrtc.SettingEngine) { s.SetICEPacing(10 * time.Millisecond) },
	} {
		if sdp := offered(t, webrtc.Configuration{}, set); !strings.Contains(sdp, wanted) {
			t.Errorf("there is no %q in %s", wanted, sdp)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	s := webrtc.SettingEngine{}
	if err := s.SetEphemeralUDPPortRange(2, 1); !errors.Is(err, webrtc.ErrInvalidArgument) {
		t.Error(err)
	}
	for url, wanted := range map[string]error{"hello": webrtc.ErrSyntax, "turn:192.0.2.1": webrtc.ErrInvalidAccess} {
		_, err := webrtc.NewPeerConnection(webrtc.Configuration{ICEServers: []webrtc.ICEServer{{URLs: []string{url}}}})
		if !errors.Is(err, wanted) {
			t.Errorf("%s: %v", url, err)
		}
	}
	_, err := webrtc.NewPeerConnection(webrtc.Configuration{ICEServers: []webrtc.ICEServer{{URLs: []string{"stun:a"}, Credential: 7}}})
	if !errors.Is(err, webrtc.ErrInvalidArgument) {
		t.Error(err)
	}
	awaitNoGoroutines(t) // an engine for nothing is gone again

	pc, _ := pair(t, loopback())
	yes, life, id := true, uint16(1), uint16(65535)
	for wanted, init := range map[error]*webrtc.DataChannelInit{
		webrtc.ErrNegotiatedWithoutID:         {Negotiated: &yes},
		webrtc.ErrRetransmitsOrPacketLifeTime: {MaxRetransmits: &life, MaxPacketLifeTime: &life},
		webrtc.ErrMaxDataChannelID:            {ID: &id, Negotiated: &yes},
	} {
		if _, err := pc.CreateDataChannel("", init); !errors.Is(err, wanted) || !errors.Is(err, webrtc.ErrInvalidArgument) {
			t.Errorf("not %v, but %v", wanted, err)
		}
	}
	if _, err := pc.CreateAnswer(nil); !errors.Is(err, webrtc.ErrInvalidState) {
		t.Error(err)
	}
	err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: "v=1\r\n"})
	if !errors.Is(err, webrtc.ErrSyntax) || !strings.Contains(err.Error(), "line 1") {
		t.Error(err)
	}
	channel, err := pc.CreateDataChannel("", nil)
	check(t, err)
	if err := channel.SendText(""); !errors.Is(err, webrtc.ErrDataChannelNotOpen) || errors.Is(err, webrtc.ErrClosed) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := channel.WaitOpen(ctx); err != context.Canceled {
		t.Error(err)
	}
	for i := 0; i < 100; i++ {
		check(t, pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: "candidate:early"}))
	}
	if err := pc.AddICECandidate(webrtc.ICECandidateInit{}); !errors.Is(err, webrtc.ErrNoRemoteDescription) {
		t.Error(err)
	}
}

func TestCertificates(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	for name, key := range map[string]interface{}{"none": nil, "RSA": rsaKey, "P-256": ecKey} {
		certificate, err := webrtc.GenerateCertificate(key)
		check(t, err)
		text, err := certificate.PEM()
		check(t, err)
		again, err := webrtc.CertificateFromPEM(text)
		check(t, err)
		if !again.Equals(*certificate) || !again.Expires().Equal(certificate.Expires()) {
			t.Errorf("%s: another came out", name)
		}
		prints, err := certificate.GetFingerprints()
		check(t, err)
		sdp := offered(t, webrtc.Configuration{Certificates: []webrtc.Certificate{*again}})
		if !strings.Contains(sdp, fmt.Sprintf("a=fingerprint:%s %s\r\n", prints[0].Algorithm, prints[0].Value)) {
			t.Errorf("%s: the fingerprint %v is not in %s", name, prints, sdp)
		}
	}
	// As pion writes it
	der, err := x509.CreateCertificate(rand.Reader, template(time.Hour), template(time.Hour), ecKey.Public(), ecKey)
	check(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ecKey)
	check(t, err)
	twice := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(base64.StdEncoding.EncodeToString(der))})
	_, err = webrtc.CertificateFromPEM(string(twice) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	check(t, err)

	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	check(t, err)
	if _, err := webrtc.GenerateCertificate(other); !errors.Is(err, webrtc.ErrPrivateKeyType) || !errors.Is(err, webrtc.ErrNotSupported) {
		t.Error(err)
	}
	expired, err := webrtc.NewCertificate(ecKey, *template(-time.Hour))
	check(t, err)
	if _, err := webrtc.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{*expired}}); !errors.Is(err, webrtc.ErrCertificateExpired) {
		t.Error(err)
	}
	if _, err := webrtc.CertificateFromPEM("hello"); !errors.Is(err, webrtc.ErrSyntax) {
		t.Error(err)
	}
}

func template(life time.Duration) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(life)}
}

func TestJSON(t *testing.T) {
	var configuration webrtc.Configuration
	check(t, json.Unmarshal([]byte(`{"iceServers": [{"urls": "stun:a"}, {"urls": ["turn:b"], "username": "u", "credential": "c"}],
		"iceTransportPolicy": "relay", "bundlePolicy": "max-bundle"}`), &configuration))
	if servers := configuration.ICEServers; len(servers) != 2 || servers[0].URLs[0] != "stun:a" || servers[1].Credential != "c" ||
		configuration.ICETransportPolicy != webrtc.ICETransportPolicyRelay || configuration.BundlePolicy != webrtc.BundlePolicyMaxBundle {
		t.Errorf("%+v", configuration)
	}
	text, err := json.Marshal(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: "v=0"})
	check(t, err)
	if string(text) != `{"type":"answer","sdp":"v=0"}` {
		t.Errorf("%s", text)
	}
	var description webrtc.SessionDescription
	check(t, json.Unmarshal([]byte(`{"type": "pranswer", "sdp": "x"}`), &description))
	if description.Type != webrtc.SDPTypePranswer {
		t.Error(description.Type)
	}
	if err := json.Unmarshal([]byte(`{"type": "hello"}`), &description); !errors.Is(err, webrtc.ErrUnknownType) {
		t.Error(err)
	}
}

func TestOutputs(t *testing.T) {
	var mutex sync.Mutex
	var log, keys, capture, recording bytes.Buffer
	writer := func(to *bytes.Buffer) writerFunc {
		return func(p []byte) (int, error) {
			mutex.Lock()
			defer mutex.Unlock()
			return to.Write(p)
		}
	}
	ends, channels := connected(t, loopback(func(s *webrtc.SettingEngine) {
		s.SetLogWriter(webrtc.LogDebug, writer(&log))
		s.SetDTLSKeyLogWriter(writer(&keys))
		s.SetCaptureWriter(writer(&capture))
		s.SetRecordingWriter(writer(&recording))
	}))
	check(t, channels[0].SendText("hello"))
	for _, end := range ends {
		check(t, end.GracefulClose())
	}
	if !strings.Contains(log.String(), "ice") || !strings.Contains(keys.String(), "CLIENT_RANDOM ") {
		t.Errorf("the log is %q, the keys are %q", log.String(), keys.String())
	}
	if !bytes.HasPrefix(capture.Bytes(), []byte{0x0a, 0x0d, 0x0d, 0x0a}) || recording.Len() == 0 {
		t.Error("there is no capture, or no recording")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
