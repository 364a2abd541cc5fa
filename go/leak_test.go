// SPDX-License-Identifier: BSD-3-Clause

package polyrtc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	webrtc "polyrtc.dev/polyrtc"
	"polyrtc.dev/polyrtc/internal/allocated"
)

// TestMain starts again without the caches that C's allocator has for each thread: what is in them counts as used.
func TestMain(m *testing.M) {
	const tunables = "GLIBC_TUNABLES"
	if os.Getenv(tunables) == "" {
		program, err := os.Executable()
		if err == nil {
			err = syscall.Exec(program, os.Args, append(os.Environ(), tunables+"=glibc.malloc.tcache_count=0"))
		}
		panic(err)
	}
	os.Exit(m.Run())
}

// ours are the goroutines of the package that there are.
func ours() (found []string) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, one := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(one, "polyrtc.dev/polyrtc.") && !strings.Contains(one, "testing.tRunner") {
			found = append(found, one)
		}
	}
	return found
}

func descriptors(t *testing.T) int {
	found, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	return len(found)
}

// connected makes two connections with an open channel each.
func connected(t testing.TB, api *webrtc.API) (ends [2]*webrtc.PeerConnection, channels [2]*webrtc.DataChannel) {
	for i := range ends {
		pc, err := api.NewPeerConnection(webrtc.Configuration{})
		check(t, err)
		ends[i] = pc
	}
	announced := make(chan *webrtc.DataChannel, 1)
	ends[1].OnDataChannel(func(channel *webrtc.DataChannel) { announced <- channel })
	channel, err := ends[0].CreateDataChannel("", nil)
	check(t, err)
	negotiate(t, ends[0], ends[1])
	check(t, channel.WaitOpen(limit(t)))
	channels = [2]*webrtc.DataChannel{channel, got(t, announced)}
	check(t, channels[1].WaitOpen(limit(t)))
	return ends, channels
}

// TestNothingIsLeft: after GracefulClose there is no goroutine, no descriptor and none of C's memory, at whatever moment that was.
func TestNothingIsLeft(t *testing.T) {
	moments := map[string]func(api *webrtc.API) [2]*webrtc.PeerConnection{
		"new": func(api *webrtc.API) (ends [2]*webrtc.PeerConnection) {
			for i := range ends {
				ends[i], _ = api.NewPeerConnection(webrtc.Configuration{})
			}
			return ends
		},
		"gathering": func(api *webrtc.API) (ends [2]*webrtc.PeerConnection) {
			for i := range ends {
				ends[i], _ = api.NewPeerConnection(webrtc.Configuration{})
				_, err := ends[i].CreateDataChannel("", nil)
				check(t, err)
				check(t, ends[i].SetLocalDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer}))
			}
			return ends
		},
		"connecting": func(api *webrtc.API) (ends [2]*webrtc.PeerConnection) {
			for i := range ends {
				ends[i], _ = api.NewPeerConnection(webrtc.Configuration{})
			}
			_, err := ends[0].CreateDataChannel("", nil)
			check(t, err)
			negotiate(t, ends[0], ends[1])
			return ends
		},
		"open": func(api *webrtc.API) [2]*webrtc.PeerConnection {
			ends, _ := connected(t, api)
			return ends
		},
		"sending": func(api *webrtc.API) [2]*webrtc.PeerConnection {
			ends, channels := connected(t, api)
			for _, channel := range channels {
				for i := 0; i < 100; i++ {
					check(t, channel.Send(make([]byte, 10000)))
				}
				go channel.SendContext(context.Background(), make([]byte, 8<<20))
				go channel.NextReader(context.Background())
			}
			return ends
		},
	}
	closes := map[string]func(ends [2]*webrtc.PeerConnection){
		"one after the other": func(ends [2]*webrtc.PeerConnection) {
			for _, end := range ends {
				check(t, end.GracefulClose())
			}
		},
		"at once, by several": func(ends [2]*webrtc.PeerConnection) {
			var group sync.WaitGroup
			for i := 0; i < 6; i++ {
				group.Add(1)
				go func(end *webrtc.PeerConnection, graceful bool) {
					defer group.Done()
					if graceful {
						end.GracefulClose()
					} else {
						end.Close()
					}
				}(ends[i%2], i < 4)
			}
			group.Wait()
		},
	}
	for moment, make := range moments {
		for how, end := range closes {
			t.Run(moment+" "+how, func(t *testing.T) {
				round := func() {
					api := loopback()
					end(make(api))
				}
				for i := 0; i < 3; i++ { // what is made once and stays
					round()
				}
				memory, files := allocated.Bytes(), descriptors(t)
				const rounds = 20
				for i := 0; i < rounds; i++ {
					round()
				}
				awaitNoGoroutines(t)
				if left := allocated.Bytes() - memory; left > 16<<10 { // a connection takes more
					t.Errorf("%d bytes of C's memory are left of %d connections", left, 2*rounds)
				}
				if left := descriptors(t) - files; left > 0 {
					t.Errorf("%d descriptors are left", left)
				}
			})
		}
	}
}

// awaitNoGoroutines: those that the test itself has started may be about to return from the package.
func awaitNoGoroutines(t *testing.T) {
	t.Helper()
	for ctx := limit(t); len(ours()) > 0; runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatalf("goroutines are left:\n%s", strings.Join(ours(), "\n\n"))
		}
	}
}

func TestCloseInAHandler(t *testing.T) {
	ends, channels := connected(t, loopback())
	closed := make(chan struct{})
	channels[1].OnMessage(func(webrtc.DataChannelMessage) { check(t, ends[1].Close()) })
	ends[0].OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateClosed {
			check(t, ends[0].Close())
			close(closed)
		}
	})
	check(t, channels[0].SendText("close"))
	got(t, closed)
	for _, end := range ends {
		check(t, end.GracefulClose())
	}
	awaitNoGoroutines(t)
}

func TestWhatIsClosedSaysSo(t *testing.T) {
	ends, channels := connected(t, loopback())
	local := ends[0].LocalDescription()
	check(t, ends[0].GracefulClose())
	_, err := ends[0].CreateDataChannel("", nil)
	for name, err := range map[string]error{
		"CreateDataChannel":    err,
		"Send":                 channels[0].Send(nil),
		"SendContext":          channels[0].SendContext(limit(t), nil),
		"WaitConnected":        ends[0].WaitConnected(limit(t)),
		"AddICECandidate":      ends[0].AddICECandidate(webrtc.ICECandidateInit{}),
		"SetRemoteDescription": ends[0].SetRemoteDescription(*local),
	} {
		if !errors.Is(err, webrtc.ErrClosed) || !errors.Is(err, io.ErrClosedPipe) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ends[0].LocalDescription().SDP != local.SDP {
		t.Error("the description is forgotten")
	}
	if len(ends[0].GetStats()) == 0 {
		t.Error("the statistics are forgotten")
	}
	states := fmt.Sprint(ends[0].ConnectionState(), ends[0].ICEConnectionState(), ends[0].SignalingState(), channels[0].ReadyState(),
		ends[0].SCTP().State(), ends[0].SCTP().Transport().State(), ends[0].SCTP().Transport().ICETransport().State())
	if states != "closed closed closed closed closed closed closed" {
		t.Errorf("the states are %s", states)
	}
	check(t, ends[1].GracefulClose())
}

// TestSoak lets many goroutines do what they like with connections of one engine, and close them amid it.
func TestSoak(t *testing.T) {
	memory := allocated.Bytes()
	for round := 0; round < 4; round++ {
		soak(t, int64(round))
	}
	awaitNoGoroutines(t)
	if left := allocated.Bytes() - memory; left > 200<<10 {
		t.Errorf("%d bytes of C's memory are left", left)
	}
}

func soak(t *testing.T, seed int64) {
	api := loopback(func(s *webrtc.SettingEngine) { s.SetEngines(2) })
	var all [8]*webrtc.PeerConnection
	var mutex sync.Mutex
	var channels []*webrtc.DataChannel
	keep := func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(message webrtc.DataChannelMessage) {
			if len(message.Data) > 0 && message.Data[0]%3 == 0 {
				channel.Send(message.Data[1:])
			}
		})
		channel.OnBufferedAmountLow(func() { channel.BufferedAmount() })
		mutex.Lock()
		channels = append(channels, channel)
		mutex.Unlock()
	}
	random := rand.New(rand.NewSource(seed))
	for i := 0; i < len(all); i += 2 {
		for j := i; j < i+2; j++ {
			pc, err := api.NewPeerConnection(webrtc.Configuration{})
			check(t, err)
			pc.OnDataChannel(keep)
			pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) { pc.ConnectionState() })
			all[j] = pc
		}
		channel, err := all[i].CreateDataChannel(fmt.Sprint(i), nil)
		check(t, err)
		keep(channel)
		negotiate(t, all[i], all[i+1])
		if random.Intn(2) == 0 {
			check(t, channel.WaitOpen(limit(t)))
		}
	}
	var group sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		group.Add(1)
		go func(random *rand.Rand) {
			defer group.Done()
			for i := 0; i < 150; i++ {
				mutex.Lock()
				channel := channels[random.Intn(len(channels))]
				mutex.Unlock()
				act(random, all[random.Intn(len(all))], channel, keep)
			}
		}(rand.New(rand.NewSource(seed*100 + int64(worker))))
	}
	group.Wait()
	for _, pc := range all {
		check(t, pc.GracefulClose())
	}
}

// act does one thing. What it comes to depends on what others do: that it ends is all that is asked.
func act(random *rand.Rand, pc *webrtc.PeerConnection, channel *webrtc.DataChannel, keep func(*webrtc.DataChannel)) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.Intn(10))*time.Millisecond)
	defer cancel()
	switch random.Intn(40) {
	case 0:
		if random.Intn(5) == 0 {
			pc.Close()
		}
	case 1:
		if random.Intn(3) == 0 {
			channel.Close()
		}
	case 2:
		channel.CloseContext(ctx)
	case 3, 4:
		if made, err := pc.CreateDataChannel("more", nil); err == nil {
			keep(made)
		}
	case 5:
		if offer, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true}); err == nil {
			pc.SetLocalDescription(offer)
			pc.SetLocalDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeRollback})
		}
	case 6:
		pc.GetStats()
	case 7:
		pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host"})
	case 8:
		pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: "v=0\r\n"})
	case 9:
		if reader, err := channel.NextReader(ctx); err == nil {
			io.Copy(io.Discard, reader)
		}
	case 10, 11:
		channel.SendTextContext(ctx, strings.Repeat("€", random.Intn(100000)))
	case 12, 13:
		if writer, err := channel.NextWriter(ctx, false); err == nil {
			writer.Write(make([]byte, random.Intn(300000)))
			if random.Intn(2) == 0 {
				writer.Abort()
			} else {
				writer.Close()
			}
		}
	case 14:
		channel.SetBufferedAmountLowThreshold(uint64(random.Intn(10000)))
	case 15:
		channel.OnMessage(func(message webrtc.DataChannelMessage) { _ = message.Data })
	case 16:
		pc.LocalDescription()
		pc.SCTP().MaxChannels()
		pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	case 17:
		channel.ID()
		channel.ReadyState()
		channel.OnOpen(func() {})
	case 18:
		pc.WaitConnected(ctx)
	case 19:
		runtime.Gosched()
	default:
		channel.Send(bytes.Repeat([]byte{byte(random.Intn(256))}, random.Intn(20000)))
	}
}
