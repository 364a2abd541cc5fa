// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"context"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"polyrtc.dev/polyrtc/internal/native"
)

// Flags of a part: native has no names for macros.
const (
	partBegin     = 1
	partEnd       = 2
	partAbandoned = 4
)

// part of a message that has arrived.
type part struct {
	data     []byte
	isString bool
	flags    uint32
}

// stream is the reading side of a channel that is read and not listened to. It holds about a megabyte.
type stream struct {
	channel *DataChannel
	reading sync.Mutex // who reads; of the next line
	rest    part       // of which a part was read; its flags tell what is behind it
	amid    bool       // a message: rest, and what follows it, belong to it
	until   deadline

	mu      sync.Mutex
	parts   []part
	size    int
	full    bool
	ended   bool
	err     error
	arrived chan struct{}
}

func newStream(channel *DataChannel) *stream {
	return &stream{channel: channel, arrived: make(chan struct{})}
}

// feed is called with the engine's lock held.
func (s *stream) feed(next part) {
	s.mu.Lock()
	if !s.ended {
		s.parts = append(s.parts, next)
		s.size += len(next.data) + messageOverhead
	}
	full := s.size > readHigh && !s.full
	s.full = s.full || full
	s.wake()
	s.mu.Unlock()
	if full {
		s.channel.owner.enough(s.channel, true)
	}
}

// end: nothing more will come. What has arrived can be read still. The engine's lock is held.
func (s *stream) end(err error) {
	s.mu.Lock()
	s.ended, s.err = true, err
	s.wake()
	s.mu.Unlock()
}

func (s *stream) wake() {
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// next is the next part; io.EOF at the end, the error of the channel when it has failed.
func (s *stream) next(ctx context.Context) (part, error) {
	for {
		if s.until.passed() {
			return part{}, os.ErrDeadlineExceeded
		}
		if ctx.Err() != nil {
			return part{}, ctx.Err()
		}
		s.mu.Lock()
		if len(s.parts) > 0 {
			next := s.parts[0]
			s.parts[0] = part{}
			s.parts = s.parts[1:]
			s.size -= len(next.data) + messageOverhead
			goOn := s.full && s.size <= readLow
			s.full = s.full && !goOn
			s.mu.Unlock()
			if goOn {
				e := s.channel.owner.engine
				e.mu.Lock()
				s.channel.owner.enough(s.channel, false)
				e.unlock()
			}
			return next, nil
		}
		ended, err, arrived := s.ended, s.err, s.arrived
		s.mu.Unlock()
		if ended && err == nil {
			err = io.EOF
		}
		if ended {
			return part{}, err
		}
		select {
		case <-arrived:
		case <-s.until.wait():
		case <-ctx.Done():
		}
	}
}

// putBack gives parts back that were taken.
func (s *stream) putBack(parts []part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts = append(append([]part(nil), parts...), s.parts...)
	for _, one := range parts {
		s.size += len(one.data) + messageOverhead
	}
}

// begin goes to the next message, over what was not read of the one before. The reading lock is held, as for the next two.
func (s *stream) begin(ctx context.Context) error {
	for {
		for s.amid {
			if err := s.more(ctx); err != nil && err != io.EOF && err != ErrIncomplete {
				return err
			}
			s.rest.data = nil
		}
		next, err := s.next(ctx)
		if err != nil {
			return err
		}
		if next.flags&partBegin != 0 {
			s.rest, s.amid = next, true
			return nil
		}
	}
}

// more sees to it that there is something left of the part that is being read: io.EOF at the end of the message.
func (s *stream) more(ctx context.Context) error {
	for len(s.rest.data) == 0 {
		if s.rest.flags&partEnd != 0 {
			s.amid = false
			return io.EOF
		}
		next, err := s.next(ctx)
		if err == io.EOF {
			err = ErrIncomplete
		}
		if err == nil && next.flags&partAbandoned != 0 {
			err = ErrIncomplete
		}
		if err != nil {
			s.amid = s.amid && (err == os.ErrDeadlineExceeded || ctx.Err() != nil)
			return err
		}
		s.rest = next
	}
	return nil
}

// read is io.Reader's for one message.
func (s *stream) read(ctx context.Context, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.more(ctx); err != nil {
		return 0, err
	}
	n := copy(p, s.rest.data)
	s.rest.data = s.rest.data[n:]
	return n, nil
}

// readable makes the channel one that is read. What waits for OnMessage is read then.
func (d *DataChannel) readable() *stream {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	if d.stream == nil {
		s := newStream(d)
		for _, message := range d.calls.takeMessages() {
			d.queued.Add(-message.size())
			s.feed(part{message.Data, message.IsString, partBegin | partEnd})
		}
		if d.begun.Data != nil {
			s.feed(part{d.begun.Data, d.begun.IsString, partBegin})
			d.begun = DataChannelMessage{}
		}
		d.paused.Store(false)
		if !s.full {
			d.owner.enough(d, false)
		}
		d.stream = s
		if d.state == DataChannelStateClosed {
			s.end(d.err)
		} else if !d.owner.closed {
			e.endpoint.SetStreaming(d.owner.peer, d.id, 1)
		}
	}
	return d.stream
}

// MessageReader reads one message, as it arrives.
type MessageReader struct {
	// IsString tells text from binary.
	IsString bool
	stream   *stream
	ctx      context.Context
	over     error
}

// NextReader waits for the next message, of any size, and gives a reader for it; ctx holds for that, too. What is not read of the one
// before is skipped. From the first call on the channel is read, and OnMessage is not called any more. io.EOF: the channel was closed.
func (d *DataChannel) NextReader(ctx context.Context) (*MessageReader, error) {
	s := d.readable()
	s.reading.Lock()
	defer s.reading.Unlock()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return &MessageReader{IsString: s.rest.isString, stream: s, ctx: ctx}, nil
}

// Read gives what there is. io.EOF is the end of the message, ErrIncomplete an end that came too early.
func (r *MessageReader) Read(p []byte) (int, error) {
	if r.over != nil {
		return 0, r.over
	}
	r.stream.reading.Lock()
	defer r.stream.reading.Unlock()
	n, err := r.stream.read(r.ctx, p)
	if err != nil {
		r.over = err
	}
	return n, err
}

// MessageWriter writes one message in parts, of any size. It is for one goroutine.
type MessageWriter struct {
	channel  *DataChannel
	ctx      context.Context
	until    *deadline
	isString bool
	begun    []byte // of a character whose end has not come
	over     bool
}

// NextWriter begins a message. Until it was closed, who wants to send another on the channel has to wait: NextWriter and SendContext
// do, Send fails. ctx holds for the writer, too.
func (d *DataChannel) NextWriter(ctx context.Context, isString bool) (*MessageWriter, error) {
	return d.nextWriter(ctx, new(deadline), isString)
}

func (d *DataChannel) nextWriter(ctx context.Context, until *deadline, isString bool) (*MessageWriter, error) {
	if until.passed() {
		return nil, os.ErrDeadlineExceeded
	}
	select {
	case d.writing <- struct{}{}:
		return &MessageWriter{channel: d, ctx: ctx, until: until, isString: isString}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-until.wait():
		return nil, os.ErrDeadlineExceeded
	case <-d.closed:
		return nil, errChannelClosed
	}
}

// Bytes that are given to the engine at once.
const partSize = 64 << 10

// Write queues a part, and waits while the channel has a megabyte to send.
func (w *MessageWriter) Write(p []byte) (int, error) {
	if w.over {
		return 0, io.ErrClosedPipe
	}
	written := 0
	for written < len(p) {
		next := p[written:]
		if len(next) > partSize {
			next = next[:partSize]
		}
		part := next
		if w.isString {
			part = w.wholeCharacters(next)
		}
		if err := w.send(part, 0); err != nil {
			return written, err
		}
		written += len(next)
	}
	return written, nil
}

// wholeCharacters keeps a character that is divided between two parts for the second: the engine takes parts that are UTF-8 each.
func (w *MessageWriter) wholeCharacters(p []byte) []byte {
	if len(w.begun) > 0 {
		p = append(w.begun, p...)
		w.begun = nil
	}
	end := len(p)
	for back := 1; back <= utf8.UTFMax-1 && back <= len(p); back++ {
		if at := len(p) - back; utf8.RuneStart(p[at]) {
			if !utf8.FullRune(p[at:]) {
				end = at
			}
			break
		}
	}
	w.begun = append([]byte(nil), p[end:]...)
	return p[:end]
}

// Close ends the message. Twice is harmless.
func (w *MessageWriter) Close() error {
	if w.over {
		return nil
	}
	err := w.send(w.begun, partEnd) // what is left of a character is refused
	if err != nil {
		w.Abort()
	}
	w.finish()
	return err
}

// Abort gives the message up: the other side gets no more of it, and whoever reads it in parts is told. Twice is harmless.
func (w *MessageWriter) Abort() {
	if w.over {
		return
	}
	e := w.channel.owner.engine
	e.mu.Lock()
	if w.channel.state == DataChannelStateOpen {
		w.channel.sendPart(w, nil, partAbandoned)
	}
	e.unlock()
	w.finish()
}

func (w *MessageWriter) finish() {
	if !w.over {
		w.over = true
		<-w.channel.writing
	}
}

func (w *MessageWriter) send(p []byte, flags uint32) error {
	d, e := w.channel, w.channel.owner.engine
	for {
		if w.until.passed() {
			return os.ErrDeadlineExceeded
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
		e.mu.Lock()
		if d.state != DataChannelStateOpen {
			err := d.notOpen()
			e.unlock()
			return err
		}
		code := d.sendPart(w, p, flags)
		if code != codeAgain {
			err := d.owner.check(code)
			e.unlock()
			return err
		}
		if d.writable == nil {
			d.writable = make(chan struct{})
		}
		writable := d.writable
		e.unlock()
		select {
		case <-writable:
		case <-w.ctx.Done():
		case <-w.until.wait():
		}
	}
}

func (d *DataChannel) sendPart(w *MessageWriter, p []byte, flags uint32) int {
	code := native.SendPart(d.owner.engine.endpoint, d.owner.peer, d.id, w.isString, p, flags)
	d.owner.engine.flushSoon()
	return code
}

// ReadWriteCloser is what Detach gives, in pion's words.
type ReadWriteCloser interface {
	io.ReadWriteCloser
	ReadDataChannel(p []byte) (n int, isString bool, err error)
	WriteDataChannel(p []byte, isString bool) (n int, err error)
}

// ReadWriteCloserDeadliner has deadlines, too.
type ReadWriteCloserDeadliner interface {
	ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	SetDeadline(t time.Time) error
}

// Detach takes the channel over as an io.ReadWriteCloser: OnMessage is not called any more. SettingEngine.DetachDataChannels has to be
// set, so that no message is lost before.
//
// Read gives the bytes of the messages as they come, also where a message is larger than what it is given: the ends of messages are
// not seen. (ReadDataChannel and NextReader see them.) Write sends a binary message, several where the other side takes no larger
// ones, and waits while the channel has a megabyte to send. Deadlines are net.Conn's: after them errors are os.ErrDeadlineExceeded.
func (d *DataChannel) Detach() (ReadWriteCloser, error) { return d.DetachWithDeadline() }

// DetachWithDeadline is Detach with another type.
func (d *DataChannel) DetachWithDeadline() (ReadWriteCloserDeadliner, error) {
	if !d.owner.detach {
		return nil, errDetachNotEnabled
	}
	return &detached{channel: d, stream: d.readable()}, nil
}

type detached struct {
	channel *DataChannel
	stream  *stream
	until   deadline // of writing
}

func (c *detached) Read(p []byte) (int, error) {
	s := c.stream
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		if !s.amid {
			if err := s.begin(context.Background()); err != nil {
				return 0, err
			}
		}
		n, err := s.read(context.Background(), p)
		if err == nil || (err != io.EOF && err != ErrIncomplete) {
			return n, err
		}
	}
}

// ReadDataChannel gives one message. io.ErrShortBuffer: it is larger than p, of n bytes at least, and can be read again.
func (c *detached) ReadDataChannel(p []byte) (int, bool, error) {
	s := c.stream
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		var taken []part
		if err := s.begin(context.Background()); err != nil {
			return 0, false, err
		}
		isString, n := s.rest.isString, 0
		for s.amid {
			taken = append(taken, s.rest)
			if needed := n + len(s.rest.data); needed > len(p) {
				s.putBack(taken)
				s.amid, s.rest = false, part{}
				return needed, isString, io.ErrShortBuffer
			}
			n += copy(p[n:], s.rest.data)
			s.rest.data = nil
			err := s.more(context.Background())
			if err == io.EOF {
				return n, isString, nil
			}
			if err == os.ErrDeadlineExceeded {
				s.putBack(taken)
				s.amid, s.rest = false, part{}
			}
			if err != nil && err != ErrIncomplete {
				return 0, false, err
			}
		}
	}
}

// Write is of bytes, and not of messages: what is larger than the other side takes at once goes in several.
func (c *detached) Write(p []byte) (int, error) {
	most := int(c.channel.owner.sctp.MaxMessageSize())
	for written := 0; ; {
		next := p[written:]
		if most > 0 && len(next) > most {
			next = next[:most]
		}
		n, err := c.WriteDataChannel(next, false)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

func (c *detached) WriteDataChannel(p []byte, isString bool) (int, error) {
	writer, err := c.channel.nextWriter(context.Background(), &c.until, isString)
	if err != nil {
		return 0, err
	}
	n, err := writer.Write(p)
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		writer.Abort()
	}
	return n, err
}

func (c *detached) Close() error { return c.channel.Close() }

func (c *detached) SetReadDeadline(t time.Time) error  { c.stream.until.set(t); return nil }
func (c *detached) SetWriteDeadline(t time.Time) error { c.until.set(t); return nil }
func (c *detached) SetDeadline(t time.Time) error {
	c.stream.until.set(t)
	c.until.set(t)
	return nil
}

// deadline is a time after which waiting ends, which may be changed while somebody waits. The zero value is none.
type deadline struct {
	mu      sync.Mutex
	at      time.Time
	timer   *time.Timer
	changed chan struct{} // closed at the deadline, and when there is another
}

func (d *deadline) set(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = at
	d.tell()
	if left := time.Until(at); !at.IsZero() && left > 0 {
		d.timer = time.AfterFunc(left, func() {
			d.mu.Lock()
			d.tell()
			d.mu.Unlock()
		})
	}
}

func (d *deadline) tell() {
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

func (d *deadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
		if !d.at.IsZero() && !time.Now().Before(d.at) {
			close(d.changed)
			already := d.changed
			d.changed = nil
			return already
		}
	}
	return d.changed
}
