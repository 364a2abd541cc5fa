// A swarm: ten peers, of which one has a file, exchange its pieces over data channels until all have it, as WebTorrent does. Each
// piece is asked for at one of those who have it, the rarest first, and checked by its hash.
//
//	swarm [-peers 10] [-size 32] [-piece 256] [-svg progress.svg] [FILE]
//
// The terminal shows who has which pieces; -svg draws how they came. Everything stays on this machine: in life the tracker would be a
// server, and the peers programs.
//
// SPDX-License-Identifier: BSD-3-Clause
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// torrent is what everybody knows of the file.
type torrent struct {
	size, pieceSize int
	hashes          [][sha256.Size]byte
}

func newTorrent(file []byte, pieceSize int) *torrent {
	t := &torrent{size: len(file), pieceSize: pieceSize}
	for i := 0; i*pieceSize < len(file); i++ {
		t.hashes = append(t.hashes, sha256.Sum256(t.piece(file, i)))
	}
	return t
}

// piece is that part of a file.
func (t *torrent) piece(file []byte, index int) []byte {
	end := (index + 1) * t.pieceSize
	if end > t.size {
		end = t.size
	}
	return file[index*t.pieceSize : end]
}

func main() {
	peers := flag.Int("peers", 10, "how many")
	size := flag.Int("size", 32, "MiB of random bytes, when there is no FILE")
	pieceSize := flag.Int("piece", 256, "KiB of a piece")
	svg := flag.String("svg", "", "a `file` for a drawing of the progress")
	flag.Parse()
	if *peers < 2 || *size < 1 || *pieceSize < 1 || flag.NArg() > 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *peers, *size<<20, *pieceSize<<10, *svg, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "swarm:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, peers, size, pieceSize int, svg, path string) error {
	file := make([]byte, size)
	_, err := rand.Read(file)
	if path != "" {
		file, err = os.ReadFile(path)
	}
	if err != nil {
		return err
	}
	torrent := newTorrent(file, pieceSize)
	tracker := newTracker()
	defer tracker.close()
	for i := 0; i < peers; i++ {
		var has []byte
		if i == 0 {
			has = file
		}
		if err := tracker.join(ctx, newPeer(fmt.Sprintf("peer %d", i+1), torrent, has)); err != nil {
			return err
		}
	}
	drawing := newDrawing(tracker.peers)
	defer drawing.end()
	ticker := time.NewTicker(time.Second / 20)
	defer ticker.Stop()
	for complete := false; !complete; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-tracker.failed:
			return err
		case <-ticker.C:
			complete = drawing.draw()
		}
	}
	drawing.end()
	whole := sha256.Sum256(file)
	for _, p := range tracker.peers {
		if sha256.Sum256(p.file) != whole {
			return fmt.Errorf("%s has another file", p.name)
		}
	}
	fmt.Printf("%d peers have %d pieces, %d bytes\nsha256 %x\n", peers, len(torrent.hashes), torrent.size, whole)
	if svg != "" {
		return os.WriteFile(svg, drawing.svg(), 0o666)
	}
	return nil
}
