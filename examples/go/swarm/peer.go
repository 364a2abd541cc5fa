// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"sync"

	"polyrtc.dev/polyrtc"
)

// pipelined is how many pieces are asked for at one neighbour before the first has come.
const pipelined = 4

// peer is one of the swarm. It has an API, so an engine, of its own.
type peer struct {
	name    string
	torrent *torrent
	api     *polyrtc.API
	failed  chan<- error
	stop    context.CancelFunc
	ctx     context.Context

	mu          sync.Mutex
	file        []byte
	has         []bool
	count       int           // of those
	asked       map[int]*link // at whom
	links       []*link
	connections []*polyrtc.PeerConnection
}

// link is a connection with a neighbour.
type link struct {
	peer    *peer
	with    string
	channel *polyrtc.DataChannel
	has     map[int]bool
	asked   int
	wanted  chan int // by the neighbour
	gone    chan struct{}
}

// message is one of text; a piece is one of binary: its index in four bytes, and its bytes.
type message struct {
	Have []int `json:"have,omitempty"`
	Want *int  `json:"want,omitempty"`
}

func newPeer(name string, t *torrent, file []byte) *peer {
	settings := polyrtc.SettingEngine{} // this machine alone
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	settings.SetSCTPMaxMessageSize(polyrtc.NoLimit)
	p := &peer{
		name:    name,
		torrent: t,
		api:     polyrtc.NewAPI(polyrtc.WithSettingEngine(settings)),
		file:    make([]byte, t.size),
		has:     make([]bool, len(t.hashes)),
		asked:   map[int]*link{},
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	if file != nil {
		copy(p.file, file)
		for i := range p.has {
			p.has[i] = true
		}
		p.count = len(p.has)
	}
	return p
}

// connect makes a connection with a neighbour, and the channel where it is the one that offers.
func (p *peer) connect(with string, offers bool) (*polyrtc.PeerConnection, error) {
	connection, err := p.api.NewPeerConnection(polyrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.connections = append(p.connections, connection)
	p.mu.Unlock()
	connection.OnFailure(func(err error) { p.fail(fmt.Errorf("%s and %s: %w", p.name, with, err)) })
	if !offers {
		connection.OnDataChannel(func(channel *polyrtc.DataChannel) { go p.serve(with, channel) })
		return connection, nil
	}
	channel, err := connection.CreateDataChannel("pieces", nil)
	if err != nil {
		return nil, err
	}
	go p.serve(with, channel)
	return connection, nil
}

func (p *peer) fail(err error) {
	select {
	case p.failed <- err:
	default: // another was quicker
	}
}

// serve does all there is to do with a neighbour.
func (p *peer) serve(with string, channel *polyrtc.DataChannel) {
	l := &link{peer: p, with: with, channel: channel, has: map[int]bool{}, wanted: make(chan int, 2*pipelined), gone: make(chan struct{})}
	err := l.read()
	if !errors.Is(err, io.EOF) && !errors.Is(err, polyrtc.ErrClosed) && p.ctx.Err() == nil {
		p.fail(fmt.Errorf("%s and %s: %w", p.name, with, err))
	}
	close(l.gone)
	p.leave(l)
}

// read takes the neighbour's messages, until it goes.
func (l *link) read() error {
	first, err := l.next() // from the first call on messages are kept for it
	if err != nil {
		return err
	}
	for ; err == nil; first, err = l.next() {
		if first.IsString {
			err = l.take(first)
		} else {
			err = l.takePiece(first)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// next is the next message. The first one waits for the channel, and is when this side introduces itself.
func (l *link) next() (*polyrtc.MessageReader, error) {
	if l.peer.introduce(l) {
		go func() {
			if err := l.greet(); err == nil {
				l.write()
			}
		}()
	}
	return l.channel.NextReader(l.peer.ctx)
}

// introduce makes the link one of the peer's; once.
func (p *peer) introduce(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.links {
		if known == l {
			return false
		}
	}
	p.links = append(p.links, l)
	return true
}

// greet tells the neighbour what there is here.
func (l *link) greet() error {
	if err := l.channel.WaitOpen(l.peer.ctx); err != nil {
		return err
	}
	l.peer.mu.Lock()
	var have []int
	for i, has := range l.peer.has {
		if has {
			have = append(have, i)
		}
	}
	l.peer.mu.Unlock()
	return l.say(message{Have: have})
}

func (l *link) say(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return l.channel.SendTextContext(l.peer.ctx, string(text))
}

// write sends the pieces that the neighbour wants.
func (l *link) write() {
	for {
		select {
		case index := <-l.wanted:
			data := binary.BigEndian.AppendUint32(nil, uint32(index))
			data = append(data, l.peer.torrent.piece(l.peer.file, index)...) // what is there does not change
			if l.channel.SendContext(l.peer.ctx, data) != nil {
				return
			}
		case <-l.gone:
			return
		}
	}
}

// take reads what the neighbour says.
func (l *link) take(reader io.Reader) error {
	var m message
	if err := json.NewDecoder(io.LimitReader(reader, 1<<20)).Decode(&m); err != nil {
		return err
	}
	p := l.peer
	p.mu.Lock()
	for _, index := range m.Have {
		if index < 0 || index >= len(p.has) {
			p.mu.Unlock()
			return fmt.Errorf("there is no piece %d", index)
		}
		l.has[index] = true
	}
	wanted := m.Want != nil && *m.Want >= 0 && *m.Want < len(p.has) && p.has[*m.Want]
	p.mu.Unlock()
	if wanted {
		select {
		case l.wanted <- *m.Want:
		case <-p.ctx.Done():
		}
	}
	return p.ask()
}

// takePiece reads a piece, checks it, and tells everybody.
func (l *link) takePiece(reader io.Reader) error {
	p := l.peer
	data, err := io.ReadAll(io.LimitReader(reader, int64(p.torrent.pieceSize)+5))
	if err != nil {
		return err
	}
	if len(data) < 4 || int(binary.BigEndian.Uint32(data)) >= len(p.has) {
		return errors.New("that is no piece")
	}
	index, data := int(binary.BigEndian.Uint32(data)), data[4:]
	if sha256.Sum256(data) != p.torrent.hashes[index] {
		return fmt.Errorf("piece %d is a wrong one", index)
	}
	p.mu.Lock()
	if p.asked[index] == l {
		delete(p.asked, index)
		l.asked--
	}
	fresh := !p.has[index]
	if fresh {
		copy(p.torrent.piece(p.file, index), data)
		p.has[index] = true
		p.count++
	}
	links := append([]*link(nil), p.links...)
	p.mu.Unlock()
	if fresh {
		for _, other := range links {
			if err := other.tell(index); err != nil {
				return err
			}
		}
	}
	return p.ask()
}

// tell says that there is a piece. A neighbour that is not there yet, or not any more, need not know.
func (l *link) tell(index int) error {
	select {
	case <-l.gone:
		return nil
	default:
	}
	err := l.say(message{Have: []int{index}})
	if errors.Is(err, polyrtc.ErrClosed) || errors.Is(err, polyrtc.ErrDataChannelNotOpen) {
		return nil
	}
	return err
}

// ask asks neighbours for what they have and this side has not: of each as much as is well on its way.
func (p *peer) ask() error {
	type question struct {
		at    *link
		index int
	}
	var questions []question
	p.mu.Lock()
	for _, l := range p.links {
		for l.asked < pipelined {
			index, found := p.rarest(l)
			if !found {
				break
			}
			p.asked[index] = l
			l.asked++
			questions = append(questions, question{l, index})
		}
	}
	p.mu.Unlock()
	for _, q := range questions {
		index := q.index
		if err := q.at.say(message{Want: &index}); err != nil && !errors.Is(err, polyrtc.ErrClosed) {
			return err
		}
	}
	return nil
}

// rarest is the piece that a neighbour has, this side lacks and has not asked for, and the fewest neighbours have; of several one by
// chance.
func (p *peer) rarest(at *link) (best int, found bool) {
	fewest, same := 0, 0
	for index := range at.has {
		if p.has[index] || p.asked[index] != nil {
			continue
		}
		owners := 0
		for _, l := range p.links {
			if l.has[index] {
				owners++
			}
		}
		if !found || owners < fewest {
			best, found, fewest, same = index, true, owners, 1
		} else if owners == fewest {
			same++
			if rand.Intn(same) == 0 {
				best = index
			}
		}
	}
	return best, found
}

// leave forgets a neighbour that has gone: what was asked of it is asked elsewhere.
func (p *peer) leave(l *link) {
	p.mu.Lock()
	for index, at := range p.asked {
		if at == l {
			delete(p.asked, index)
		}
	}
	for i, known := range p.links {
		if known == l {
			p.links = append(p.links[:i], p.links[i+1:]...)
			break
		}
	}
	p.mu.Unlock()
	if p.ctx.Err() == nil {
		_ = p.ask()
	}
}

// pieces is which of them are there.
func (p *peer) pieces() []bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]bool(nil), p.has...)
}

func (p *peer) close() {
	p.stop()
	for _, connection := range p.connections {
		_ = connection.GracefulClose()
	}
}
