// Package ice has what programs for pion take from its package of this name: names of multicast DNS, and one port for many
// connections.
//
// SPDX-License-Identifier: BSD-3-Clause
package ice

import (
	"fmt"
	"net"
)

// MulticastDNSMode says what is done about names of multicast DNS, "….local".
type MulticastDNSMode byte

// The modes. Names of the other side are looked for in each of them.
const (
	MulticastDNSModeDisabled MulticastDNSMode = iota + 1
	MulticastDNSModeQueryOnly
	MulticastDNSModeQueryAndGather // local addresses are hidden behind random names
)

// UDPMux is one UDP port for the connections of an API. The engine opens it when the first connection gathers, on each address.
type UDPMux struct{ port uint }

// Port is 0 for the zero value: then each connection has ports of its own.
func (m UDPMux) Port() uint { return m.port }

// NewMultiUDPMuxFromPort is for SettingEngine.SetICEUDPMux.
func NewMultiUDPMuxFromPort(port int) (UDPMux, error) {
	if port < 1 || port > 65535 {
		return UDPMux{}, fmt.Errorf("polyrtc/ice: %d is no port", port)
	}
	return UDPMux{uint(port)}, nil
}

// UDPMuxOf takes over the port of a socket, which it closes.
func UDPMuxOf(conn net.PacketConn) UDPMux {
	address, _ := conn.LocalAddr().(*net.UDPAddr)
	conn.Close()
	if address == nil {
		return UDPMux{}
	}
	return UDPMux{uint(address.Port)}
}

// TCPMux is one TCP port for the connections of an API.
type TCPMux struct{ port uint }

// Port is 0 for the zero value: then each connection has a listener of its own.
func (m TCPMux) Port() uint { return m.port }

// TCPMuxOf takes over the port of a listener, which it closes.
func TCPMuxOf(listener net.Listener) TCPMux {
	address, _ := listener.Addr().(*net.TCPAddr)
	listener.Close()
	if address == nil {
		return TCPMux{}
	}
	return TCPMux{uint(address.Port)}
}
