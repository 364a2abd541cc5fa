// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
)

// drawing shows who has which pieces, and remembers how many there were when.
type drawing struct {
	peers    []*peer
	began    time.Time
	terminal bool
	lines    int // that are on the terminal
	times    []time.Duration
	counts   [][]int // of each peer at these
	ended    bool
}

func newDrawing(peers []*peer) *drawing {
	info, err := os.Stderr.Stat()
	return &drawing{peers: peers, began: time.Now(), terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// draw looks at all peers: whether they are complete.
func (d *drawing) draw() bool {
	complete := true
	var counts []int
	var text bytes.Buffer
	for _, p := range d.peers {
		has, count := p.pieces(), 0
		for _, one := range has {
			if one {
				count++
			}
		}
		counts = append(counts, count)
		complete = complete && count == len(has)
		fmt.Fprintf(&text, "%-8s %s %3d %%\x1b[K\n", p.name, bar(has, 60), 100*count/len(has))
	}
	d.times, d.counts = append(d.times, time.Since(d.began)), append(d.counts, counts)
	if d.terminal {
		if d.lines > 0 {
			fmt.Fprintf(os.Stderr, "\x1b[%dA", d.lines)
		}
		os.Stderr.Write(text.Bytes())
		d.lines = len(d.peers)
	}
	return complete
}

// end leaves the last picture, also where there is no terminal.
func (d *drawing) end() {
	if d.ended {
		return
	}
	d.ended = true
	if !d.terminal {
		for _, p := range d.peers {
			fmt.Fprintf(os.Stderr, "%-8s %s\n", p.name, bar(p.pieces(), 60))
		}
	}
}

// bar is a map of the pieces, each character for some of them.
func bar(has []bool, width int) string {
	if len(has) < width {
		width = len(has)
	}
	shades := []rune(" ░▒▓█")
	var text strings.Builder
	for i := 0; i < width; i++ {
		from, to, count := i*len(has)/width, (i+1)*len(has)/width, 0
		for _, one := range has[from:to] {
			if one {
				count++
			}
		}
		text.WriteRune(shades[count*(len(shades)-1)/(to-from)])
	}
	return text.String()
}

// svg has a line for each peer: how many pieces it had when.
func (d *drawing) svg() []byte {
	const width, height, left, bottom = 640.0, 360.0, 60.0, 40.0
	total, last := float64(d.counts[len(d.counts)-1][0]), d.times[len(d.times)-1].Seconds()
	x := func(seconds float64) float64 { return left + seconds/last*(width-left-20) }
	y := func(count float64) float64 { return height - bottom - count/total*(height-bottom-20) }
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&out, `<rect width="%g" height="%g" fill="white"/>`+"\n", width, height)
	for i := 0; i <= 4; i++ {
		share := float64(i) / 4
		fmt.Fprintf(&out, `<path d="M%.1f %.1fH%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n",
			left, y(share*total), width-20, left-6, y(share*total)+4, 100*share)
		fmt.Fprintf(&out, `<text x="%.1f" y="%.1f" text-anchor="middle">%.2f s</text>`+"\n", x(share*last), height-bottom+18, share*last)
	}
	for peer := range d.peers {
		var line strings.Builder
		for i, when := range d.times {
			command := "L"
			if i == 0 {
				command = "M"
			}
			fmt.Fprintf(&line, "%s%.1f %.1f", command, x(when.Seconds()), y(float64(d.counts[i][peer])))
		}
		fmt.Fprintf(&out, `<path d="%s" fill="none" stroke="hsl(%d 70%% 45%%)" stroke-width="1.5"><title>%s</title></path>`+"\n", line.String(),
			360*peer/len(d.peers), d.peers[peer].name)
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}
