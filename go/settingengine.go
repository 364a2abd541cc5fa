// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"polyrtc.dev/polyrtc/ice"
	"polyrtc.dev/polyrtc/internal/native"
)

// SettingEngine has what the W3C's Configuration has not, under pion's names; below them, what pion has not. To be filled before it
// is given to NewAPI, which copies it.
type SettingEngine struct {
	detach           bool
	udpPort          uint
	minPort, maxPort uint16
	interfaceFilter  func(string) bool
	ipFilter         func(net.IP) bool
	networkTypes     []NetworkType
	mappings         []string
	lite             bool
	hide             bool
	loopback         bool
	ufrag, password  string
	disconnected     time.Duration
	consent          time.Duration
	noActiveTCP      bool
	passiveTCP       bool
	maxMessage       uint32
	sendQueue        uint32
	mtu              uint
	pacing           time.Duration
	noRenomination   bool
	trustAnchors     string
	insecureTLS      bool
	logLevel         uint
	outputs          map[int]io.Writer
	engines          int
}

func decimal(value uint64) string { return strconv.FormatUint(value, 10) }

func milliseconds(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	return uint64((d + time.Millisecond - 1) / time.Millisecond)
}

// DetachDataChannels lets DataChannel.Detach take channels over, as io.ReadWriteCloser; OnMessage is then of no use.
func (e *SettingEngine) DetachDataChannels() { e.detach = true }

// SetEphemeralUDPPortRange is the range of the ports to be used.
func (e *SettingEngine) SetEphemeralUDPPortRange(portMin, portMax uint16) error {
	if portMax < portMin {
		return &Error{code: codeInvalidArgument, message: "the highest port is below the lowest"}
	}
	e.minPort, e.maxPort = portMin, portMax
	return nil
}

// SetInterfaceFilter says by their names which network interfaces are used. It is asked about those that there are when a connection
// is made.
func (e *SettingEngine) SetInterfaceFilter(filter func(string) (keep bool)) {
	e.interfaceFilter = filter
}

// SetIPFilter says which local addresses are used. It is asked about those that there are when a connection is made.
func (e *SettingEngine) SetIPFilter(filter func(net.IP) (keep bool)) { e.ipFilter = filter }

// SetNetworkTypes says which families of addresses are used, and whether TCP is. (UDP is not left out: where a firewall lets nothing
// but TCP through, checks over UDP are made in vain.)
func (e *SettingEngine) SetNetworkTypes(candidateTypes []NetworkType) {
	e.networkTypes = append([]NetworkType(nil), candidateTypes...)
}

// SetNAT1To1IPs is for servers behind a 1:1 NAT: the public addresses, "203.0.113.2" for any local one or "203.0.113.2/10.0.0.2" for
// that one. With ICECandidateTypeHost the other side is told them in place of the local ones, with ICECandidateTypeSrflx beside them.
func (e *SettingEngine) SetNAT1To1IPs(ips []string, candidateType ICECandidateType) {
	sign := "="
	if candidateType == ICECandidateTypeSrflx {
		sign = "+"
	}
	e.mappings = nil
	for _, ip := range ips {
		public, local := ip, "*"
		if at := strings.IndexByte(ip, '/'); at >= 0 {
			public, local = ip[:at], ip[at+1:]
		}
		e.mappings = append(e.mappings, local+sign+public)
	}
}

// SetLite makes it an ICE-lite agent (RFC 8445 section 2.5), for servers with public addresses: the other side does the checks.
func (e *SettingEngine) SetLite(lite bool) { e.lite = lite }

// SetICEMulticastDNSMode says whether local addresses are hidden behind names of multicast DNS (QueryAndGather). Names of the other
// side are always looked for.
func (e *SettingEngine) SetICEMulticastDNSMode(mode ice.MulticastDNSMode) {
	e.hide = mode == ice.MulticastDNSModeQueryAndGather
}

// SetIncludeLoopbackCandidate gathers loopback addresses, too. Without it they serve only when there is no other address.
func (e *SettingEngine) SetIncludeLoopbackCandidate(include bool) { e.loopback = include }

// SetICECredentials are user name fragment and password of this side's first generation, for who has arranged them otherwise.
func (e *SettingEngine) SetICECredentials(usernameFragment, password string) {
	e.ufrag, e.password = usernameFragment, password
}

// SetICETimeouts are the times without anything from the other side until the state is disconnected, and from then on until it has
// failed. Consent (RFC 7675) has an interval of its own: the last argument is of no meaning. 0: the default.
func (e *SettingEngine) SetICETimeouts(disconnectedTimeout, failedTimeout, _ time.Duration) {
	e.disconnected, e.consent = disconnectedTimeout, 0
	if failedTimeout > 0 {
		if disconnectedTimeout == 0 {
			disconnectedTimeout = 7 * time.Second
		}
		e.consent = disconnectedTimeout + failedTimeout
	}
}

// SetICEUDPMux has all connections of the API use one UDP port, that of the mux.
func (e *SettingEngine) SetICEUDPMux(udpMux ice.UDPMux) { e.udpPort = udpMux.Port() }

// SetICETCPMux has all connections of the API take TCP connections at one port, that of the mux (and UDP at the port of that number).
func (e *SettingEngine) SetICETCPMux(tcpMux ice.TCPMux) {
	e.udpPort, e.passiveTCP = tcpMux.Port(), true
}

// DisableActiveTCP has no connections made to the other side over TCP.
func (e *SettingEngine) DisableActiveTCP(isDisabled bool) { e.noActiveTCP = isDisabled }

// SetSCTPMaxMessageSize is the largest message taken from the other side, in bytes; 0: 256 KiB. NoLimit: none is announced, for messages
// that are read in parts; of those that are not, up to 16 MiB are taken.
func (e *SettingEngine) SetSCTPMaxMessageSize(maxMessageSize uint32) { e.maxMessage = maxMessageSize }

// NoLimit is for SetSCTPMaxMessageSize.
const NoLimit = 1<<32 - 1

// SetDTLSKeyLogWriter gets the TLS keys, in the NSS key log format: who has them can read what is sent. As with the other writers,
// connections go on when it has returned, and it must not use them.
func (e *SettingEngine) SetDTLSKeyLogWriter(writer io.Writer) {
	e.output(int(native.OUTPUT_KEY_LOG), writer)
}

// ---------------------------------------------------------------------------------------------------------------- beyond pion

// SetUDPPort has all connections of the API use one UDP port, for servers behind a firewall; AnyPort: one that the system chooses.
// Two connections of one API that share a port do not connect with each other.
func (e *SettingEngine) SetUDPPort(port uint) { e.udpPort = port }

// AnyPort is for SetUDPPort.
const AnyPort = 65536

// SetPassiveTCP lets the other side connect to this one over TCP (RFC 6544).
func (e *SettingEngine) SetPassiveTCP(passive bool) { e.passiveTCP = passive }

// SetSendQueueSize is how many bytes may wait to be sent, over all channels of a connection; 0: 16 MiB.
func (e *SettingEngine) SetSendQueueSize(bytes uint32) { e.sendQueue = bytes }

// SetMTU is how many bytes of UDP payload the path surely takes, 576 to 1,472; 0: 1,200.
func (e *SettingEngine) SetMTU(bytes uint) { e.mtu = bytes }

// SetICEPacing is the time between connectivity checks that is offered; the larger of both sides' counts. 0: 50 ms.
func (e *SettingEngine) SetICEPacing(interval time.Duration) { e.pacing = interval }

// SetRenomination says whether connections move to a better network when there is one; they do unless told otherwise.
func (e *SettingEngine) SetRenomination(renomination bool) { e.noRenomination = !renomination }

// SetTrustAnchors is PEM of the certificates that those of turns: servers must lead to, in place of the system's.
func (e *SettingEngine) SetTrustAnchors(pem string) { e.trustAnchors = pem }

// SetInsecureTLS takes any certificate of turns: servers: whoever is on the way can then play the server.
func (e *SettingEngine) SetInsecureTLS(insecure bool) { e.insecureTLS = insecure }

// LogLevel is for SetLogWriter.
type LogLevel uint

// The levels of log lines.
const (
	LogError LogLevel = iota + 1
	LogWarning
	LogInfo
	LogDebug
	LogTrace
)

// SetLogWriter gets the engine's log lines up to a level.
func (e *SettingEngine) SetLogWriter(level LogLevel, writer io.Writer) {
	e.logLevel = uint(level)
	e.output(logOutput, writer)
}

// SetCaptureWriter gets a pcapng file for Wireshark, in which SCTP is decrypted.
func (e *SettingEngine) SetCaptureWriter(writer io.Writer) {
	e.output(int(native.OUTPUT_CAPTURE), writer)
}

// SetRecordingWriter gets a recording of all that the engine is told, from which it can be run again.
func (e *SettingEngine) SetRecordingWriter(writer io.Writer) {
	e.output(int(native.OUTPUT_RECORDING), writer)
}

// SetEngines spreads the connections of the API over so many engines, each with a goroutine of its own; 0: one. One is enough for
// many connections, but it is on one core at a time.
func (e *SettingEngine) SetEngines(count int) { e.engines = count }

func (e *SettingEngine) output(which int, writer io.Writer) {
	outputs := map[int]io.Writer{}
	for other, old := range e.outputs { // a copy may have it, too
		outputs[other] = old
	}
	if writer == nil {
		delete(outputs, which)
	} else {
		outputs[which] = writer
	}
	e.outputs = outputs
}

// --------------------------------------------------------------------------------------------------------------- for the engine

func (e *SettingEngine) driver() driverSettings {
	return driverSettings{udpPort: e.udpPort, logLevel: e.logLevel, outputs: e.outputs}
}

// inParts: so that a message of any size can be read from its begin on, whenever its reader comes.
func (e *SettingEngine) inParts() bool { return e.detach || e.maxMessage == NoLimit }

func (e *SettingEngine) apply(s *settings) error {
	s.loopback = e.loopback
	s.maxMessage = uint(e.maxMessage)
	s.sendQueue = uint(e.sendQueue)
	s.mtu = e.mtu
	s.flag("streaming_channels", e.inParts())
	s.number("port_minimum", uint64(e.minPort))
	s.number("port_maximum", uint64(e.maxPort))
	s.text("address_mappings", strings.Join(e.mappings, " "))
	s.flag("ice_lite", e.lite)
	s.flag("hide_addresses", e.hide)
	s.text("ice_ufrag", e.ufrag)
	s.text("ice_password", e.password)
	s.number("ice_disconnect_timeout", milliseconds(e.disconnected))
	s.number("ice_consent_timeout", milliseconds(e.consent))
	s.number("ice_pacing", milliseconds(e.pacing))
	s.flag("no_renomination", e.noRenomination)
	s.text("trust_anchors", e.trustAnchors)
	s.flag("insecure_tls", e.insecureTLS)
	s.number("tcp_candidates", e.tcpCandidates())
	s.text("address_filter", e.families())
	if e.interfaceFilter == nil && e.ipFilter == nil {
		return nil
	}
	return e.filters(s)
}

func (e *SettingEngine) has(types ...NetworkType) bool {
	for _, wanted := range types {
		for _, one := range e.networkTypes {
			if one == wanted {
				return true
			}
		}
	}
	return len(e.networkTypes) == 0
}

func (e *SettingEngine) tcpCandidates() uint64 {
	switch {
	case e.passiveTCP:
		return uint64(native.TCP_CANDIDATES_ALL)
	case e.noActiveTCP || !e.has(NetworkTypeTCP4, NetworkTypeTCP6):
		return uint64(native.TCP_CANDIDATES_NONE)
	}
	return uint64(native.TCP_CANDIDATES_ACTIVE)
}

// families is the filter of those that are not wanted; "" where an IP filter says more.
func (e *SettingEngine) families() string {
	four, six := e.has(NetworkTypeUDP4, NetworkTypeTCP4), e.has(NetworkTypeUDP6, NetworkTypeTCP6)
	if e.ipFilter != nil || four == six {
		return ""
	}
	if four {
		return "0.0.0.0/0"
	}
	return "::/0"
}

// filters asks the application's functions about the interfaces and addresses that there are: the engine takes lists.
func (e *SettingEngine) filters(s *settings) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("polyrtc: the interfaces could not be read: %w", err)
	}
	var names, addresses []string
	for _, one := range interfaces {
		if e.interfaceFilter != nil && !e.interfaceFilter(one.Name) {
			continue
		}
		names = append(names, one.Name)
		found, err := one.Addrs()
		if err != nil || e.ipFilter == nil {
			continue // it has gone meanwhile
		}
		for _, address := range found {
			network, ok := address.(*net.IPNet)
			if ok && e.ipFilter(network.IP) && e.has(typesOf(network.IP)...) {
				addresses = append(addresses, wholeAddress(network.IP))
			}
		}
	}
	if e.interfaceFilter != nil {
		s.text("interface_filter", orNothing(names, "-"))
	}
	if e.ipFilter != nil {
		s.text("address_filter", orNothing(addresses, "0.0.0.0/32"))
	}
	return nil
}

func typesOf(ip net.IP) []NetworkType {
	if ip.To4() != nil {
		return []NetworkType{NetworkTypeUDP4, NetworkTypeTCP4}
	}
	return []NetworkType{NetworkTypeUDP6, NetworkTypeTCP6}
}

func wholeAddress(ip net.IP) string {
	if ip.To4() != nil {
		return ip.String() + "/32"
	}
	return ip.String() + "/128"
}

// orNothing is a list; where it is empty, what fits nothing: an empty one would fit all.
func orNothing(list []string, nothing string) string {
	if len(list) == 0 {
		return nothing
	}
	return strings.Join(list, " ")
}
