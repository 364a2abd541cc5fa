// pion as a peer of the benchmarks. ../../README.md has what is asked of a peer.
//
// SPDX-License-Identifier: BSD-3-Clause
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pion/webrtc/v4"
)

const hi, lo = 1 << 20, 512 << 10

type m = map[string]any

var outMu sync.Mutex

func out(v m) {
	b, _ := json.Marshal(v)
	outMu.Lock()
	os.Stdout.Write(append(b, '\n'))
	outMu.Unlock()
}
func check(err error) {
	if err != nil {
		panic(err)
	}
}
func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}
func rss() int {
	b, _ := os.ReadFile("/proc/self/statm")
	n, _ := strconv.Atoi(strings.Fields(string(b))[1])
	return n * os.Getpagesize() / 1024
}

func api() *webrtc.API {
	se := webrtc.SettingEngine{}
	se.SetIncludeLoopbackCandidate(true)
	se.SetIPFilter(func(ip net.IP) bool { return ip.Equal(net.IPv4(127, 0, 0, 1)) })
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return webrtc.NewAPI(webrtc.WithSettingEngine(se))
}

var theAPI = api()

func newPC() *webrtc.PeerConnection {
	pc, err := theAPI.NewPeerConnection(webrtc.Configuration{})
	check(err)
	return pc
}
func offer(pc *webrtc.PeerConnection) *webrtc.SessionDescription {
	o, err := pc.CreateOffer(nil)
	check(err)
	g := webrtc.GatheringCompletePromise(pc)
	check(pc.SetLocalDescription(o))
	<-g
	return pc.LocalDescription()
}
func answer(pc *webrtc.PeerConnection, o webrtc.SessionDescription) *webrtc.SessionDescription {
	check(pc.SetRemoteDescription(o))
	a, err := pc.CreateAnswer(nil)
	check(err)
	g := webrtc.GatheringCompletePromise(pc)
	check(pc.SetLocalDescription(a))
	<-g
	return pc.LocalDescription()
}

var in = bufio.NewReaderSize(os.Stdin, 1<<20)

type line struct {
	I   int
	Sdp webrtc.SessionDescription
}

func readLine() line {
	b, err := in.ReadBytes('\n')
	check(err)
	var v line
	check(json.Unmarshal(b, &v))
	return v
}

func offerer(work string, size int, secs float64) {
	pc := newPC()
	dc, err := pc.CreateDataChannel("bench", nil)
	check(err)
	open := make(chan struct{})
	done := make(chan struct{})
	low := make(chan struct{}, 1)
	pong := make(chan struct{}, 1)
	dc.OnOpen(func() { close(open) })
	dc.SetBufferedAmountLowThreshold(lo)
	dc.OnBufferedAmountLow(func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	dc.OnMessage(func(msg webrtc.DataChannelMessage) {
		if msg.IsString {
			close(done)
		} else {
			pong <- struct{}{}
		}
	})
	out(m{"sdp": offer(pc)})
	check(pc.SetRemoteDescription(readLine().Sdp))
	<-open
	buf := make([]byte, size)
	if work == "rtt" {
		n := int(secs)
		lat := make([]float64, 0, n)
		c0 := cpu()
		for i := -200; i < n; i++ {
			if i == 0 {
				c0 = cpu()
			}
			t := time.Now()
			check(dc.Send(buf))
			<-pong
			if i >= 0 {
				lat = append(lat, float64(time.Since(t).Nanoseconds())/1e3)
			}
		}
		c := cpu() - c0
		check(dc.SendText("END"))
		<-done
		sort.Float64s(lat)
		out(m{"result": m{"p50_us": lat[n/2], "p99_us": lat[n*99/100], "cpu_s": c, "n": n}})
		return
	}
	c0, t0, n := cpu(), time.Now(), 0
	for time.Since(t0).Seconds() < secs {
		if dc.BufferedAmount() > hi {
			<-low
		}
		check(dc.Send(buf))
		n++
	}
	check(dc.SendText("END"))
	<-done
	out(m{"result": m{"sent": n, "cpu_s": cpu() - c0}})
}

func answerer(work string) {
	pc := newPC()
	fin := make(chan struct{})
	pc.OnDataChannel(func(dc *webrtc.DataChannel) {
		var n, bytes int
		var t0 time.Time
		var c0 float64
		dc.OnMessage(func(msg webrtc.DataChannelMessage) {
			if msg.IsString {
				out(m{"result": m{"received": n, "bytes": bytes, "secs": time.Since(t0).Seconds(), "cpu_s": cpu() - c0}})
				check(dc.SendText("DONE"))
				close(fin)
				return
			}
			if n == 0 {
				t0, c0 = time.Now(), cpu()
			}
			n++
			bytes += len(msg.Data)
			if work == "rtt" {
				check(dc.Send(msg.Data))
			}
		})
	})
	out(m{"sdp": answer(pc, readLine().Sdp)})
	<-fin
	time.Sleep(500 * time.Millisecond)
}

func pair() (*webrtc.PeerConnection, *webrtc.PeerConnection) {
	a, b := newPC(), newPC()
	var wg sync.WaitGroup
	wg.Add(2)
	dc, err := a.CreateDataChannel("bench", nil)
	check(err)
	dc.OnOpen(wg.Done)
	b.OnDataChannel(func(d *webrtc.DataChannel) { d.OnOpen(wg.Done) })
	ans := answer(b, *offer(a))
	check(a.SetRemoteDescription(*ans))
	wg.Wait()
	return a, b
}

func setup(n int) {
	var ms, cs []float64
	for i := 0; i < n; i++ {
		c0, t0 := cpu(), time.Now()
		a, b := pair()
		ms = append(ms, float64(time.Since(t0).Microseconds())/1e3)
		cs = append(cs, (cpu()-c0)*1e3)
		a.Close()
		b.Close()
		time.Sleep(20 * time.Millisecond)
	}
	out(m{"result": m{"ms": ms, "cpu_ms": cs}})
}

func idle(n int) {
	a, b := pair()
	a.Close()
	b.Close()
	runtime.GC()
	debug.FreeOSMemory()
	r0 := rss()
	keep := []*webrtc.PeerConnection{}
	for i := 0; i < n; i++ {
		a, b := pair()
		keep = append(keep, a, b)
	}
	time.Sleep(time.Second)
	r1 := rss()
	runtime.GC()
	debug.FreeOSMemory()
	r2 := rss()
	out(m{"result": m{"pairs": n, "kib_per_pc": float64(r1-r0) / float64(2*n), "kib_per_pc_after_gc": float64(r2-r0) / float64(2*n)}})
	runtime.KeepAlive(keep)
}

func main() {
	arg := func(i int) float64 {
		f, err := strconv.ParseFloat(os.Args[i], 64)
		check(err)
		return f
	}
	switch os.Args[1] + " " + os.Args[2] {
	case "offer bulk", "offer rtt":
		offerer(os.Args[2], int(arg(3)), arg(4))
	case "answer bulk", "answer rtt":
		answerer(os.Args[2])
	case "local setup":
		setup(int(arg(3)))
	case "local idle":
		idle(int(arg(3)))
	default:
		fmt.Fprintln(os.Stderr, "usage")
		os.Exit(2)
	}
}
