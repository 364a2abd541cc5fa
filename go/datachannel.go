// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"context"
	"sync/atomic"

	"polyrtc.dev/polyrtc/internal/native"
)

// Bytes of messages that wait to be read, with which a channel has enough, and with which it goes on.
const (
	readHigh        = 1 << 20
	readLow         = 256 << 10
	messageOverhead = 64 // what a message counts in addition

	wholeMessageLimit = 16 << 20 // bytes of a message for OnMessage, where there is no other limit
)

// DataChannelInit is how a channel is to be. Unreliable is who sets one of the two limits.
type DataChannelInit struct {
	Ordered           *bool   // nil: true
	MaxPacketLifeTime *uint16 // milliseconds during which a message is sent and sent again
	MaxRetransmits    *uint16 // how often it is sent again
	Protocol          *string
	Negotiated        *bool   // both sides make the channel with the same ID
	ID                *uint16 // the SCTP stream, 0 to 65,534
}

// DataChannelParameters are how a channel is, in ORTC's words.
type DataChannelParameters struct {
	Label             string  `json:"label"`
	Protocol          string  `json:"protocol"`
	ID                *uint16 `json:"id"`
	Ordered           bool    `json:"ordered"`
	MaxPacketLifeTime *uint16 `json:"maxPacketLifeTime"`
	MaxRetransmits    *uint16 `json:"maxRetransmits"`
	Negotiated        bool    `json:"negotiated"`
}

// DataChannelMessage is a message that has arrived. The data is the handler's to keep.
type DataChannelMessage struct {
	IsString bool
	Data     []byte
}

// DataChannel is a channel for messages, text or binary.
//
// Messages are listened to (OnMessage), or read: by Detach as from a net.Conn, or one by one with NextReader. Handlers of a channel
// are called one after the other; but one that has not returned after 20 ms, unless it is OnMessage, does not hold up the others.
// While messages of more than a megabyte wait for a handler or a reader, nothing is taken from the connection and the other side has
// to stop, with all channels of the connection. So it is, too, while nobody listens yet: who does not want a channel's messages closes
// it, or has a handler that does nothing.
type DataChannel struct {
	owner *carrier
	id    uint64
	calls calls

	onMessage atomic.Pointer[func(DataChannelMessage)]
	queued    atomic.Int64 // bytes that wait for OnMessage
	paused    atomic.Bool

	// Guarded by the engine's lock
	parameters DataChannelParameters
	state      DataChannelState
	opened     bool // that it is open has been told
	openCalled bool
	threshold  uint64
	buffered   uint64 // as it was last
	err        error
	stream     *stream            // nil: it is listened to
	begun      DataChannelMessage // of which parts have come
	writable   chan struct{}
	closed     chan struct{}
	open       chan struct{}
	writing    chan struct{} // who has it writes a message in parts

	onOpen, onClose, onBufferedAmountLow func()
	onError                              func(error)
}

func newDataChannel(owner *carrier, id uint64) *DataChannel {
	d := &DataChannel{
		owner:   owner,
		id:      id,
		state:   DataChannelStateConnecting,
		closed:  make(chan struct{}),
		open:    make(chan struct{}),
		writing: make(chan struct{}, 1),
	}
	d.calls.group = &owner.group
	info := owner.engine.endpoint.ChannelInfo(owner.peer, id)
	if info.Swigcptr() != 0 {
		d.parameters = DataChannelParameters{
			Label:      info.GetLabel(),
			Protocol:   info.GetProtocol(),
			Ordered:    info.GetUnordered() == 0,
			Negotiated: info.GetNegotiated() != 0,
		}
		if info.GetHasMaxRetransmits() != 0 {
			d.parameters.MaxRetransmits = pointerTo(info.GetMaxRetransmits())
		}
		if info.GetHasMaxPacketLifeTime() != 0 {
			d.parameters.MaxPacketLifeTime = pointerTo(info.GetMaxPacketLifeTime())
		}
	}
	if owner.detach {
		d.stream = newStream(d)
	}
	return d
}

func pointerTo(number uint) *uint16 {
	short := uint16(number)
	return &short
}

// createChannel makes one in the engine. The lock is held.
func (c *carrier) createChannel(p *DataChannelParameters, sendOpen bool) (*DataChannel, error) {
	if p.MaxPacketLifeTime != nil && p.MaxRetransmits != nil {
		return nil, ErrRetransmitsOrPacketLifeTime
	}
	if p.Negotiated && p.ID == nil {
		return nil, ErrNegotiatedWithoutID
	}
	if p.ID != nil && *p.ID == 65535 {
		return nil, ErrMaxDataChannelID
	}
	limit := func(given *uint16) int64 {
		if given == nil {
			return -1
		}
		return int64(*given)
	}
	flag := func(set bool) uint {
		if set {
			return 1
		}
		return 0
	}
	endpoint := c.engine.endpoint
	id := endpoint.CreateDataChannel(c.peer, endpoint.Now(), p.Label, p.Protocol, flag(p.Ordered), limit(p.MaxRetransmits),
		limit(p.MaxPacketLifeTime), flag(p.Negotiated || !sendOpen), limit(p.ID), 0)
	if id == 0 {
		return nil, c.check(endpoint.Code())
	}
	if c.inParts {
		endpoint.SetStreaming(c.peer, id, 1)
	}
	return c.addChannel(id), nil
}

// --------------------------------------------------------------------------------------------------------------- what it is

// Label of the channel.
func (d *DataChannel) Label() string { return d.parameters.Label }

// Protocol of the channel.
func (d *DataChannel) Protocol() string { return d.parameters.Protocol }

// Ordered says whether messages come in order.
func (d *DataChannel) Ordered() bool { return d.parameters.Ordered }

// MaxPacketLifeTime in milliseconds, or nil.
func (d *DataChannel) MaxPacketLifeTime() *uint16 { return d.parameters.MaxPacketLifeTime }

// MaxRetransmits of a message, or nil.
func (d *DataChannel) MaxRetransmits() *uint16 { return d.parameters.MaxRetransmits }

// Negotiated says whether both sides have made it with the same ID.
func (d *DataChannel) Negotiated() bool { return d.parameters.Negotiated }

// Transport that it goes over.
func (d *DataChannel) Transport() *SCTPTransport { return d.owner.sctp }

// ID is its SCTP stream; nil until the DTLS roles are known.
func (d *DataChannel) ID() *uint16 {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	d.learn()
	return d.parameters.ID
}

// learn asks the engine what may have changed.
func (d *DataChannel) learn() {
	if d.state == DataChannelStateClosed || d.owner.closed {
		return
	}
	info := d.owner.engine.endpoint.ChannelInfo(d.owner.peer, d.id)
	if info.Swigcptr() == 0 {
		return
	}
	d.buffered = info.GetBufferedAmount()
	if stream := info.GetStreamId(); d.parameters.ID == nil && stream != NoLimit {
		d.parameters.ID = pointerTo(stream)
	}
}

// ReadyState of the channel.
func (d *DataChannel) ReadyState() DataChannelState {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	return d.state
}

// BufferedAmount is how many bytes were given to Send that SCTP has not taken yet.
func (d *DataChannel) BufferedAmount() uint64 {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	if d.state != DataChannelStateClosed && !d.owner.closed {
		if amount, ok := native.Buffered(e.endpoint, d.owner.peer, d.id); ok {
			d.buffered = amount
		}
	}
	return d.buffered
}

// BufferedAmountLowThreshold is what SetBufferedAmountLowThreshold has set; 0 before.
func (d *DataChannel) BufferedAmountLowThreshold() uint64 {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	return d.threshold
}

// SetBufferedAmountLowThreshold has OnBufferedAmountLow called when BufferedAmount falls to so much, from above.
func (d *DataChannel) SetBufferedAmountLowThreshold(th uint64) {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	d.threshold = th
	if d.state != DataChannelStateClosed && !d.owner.closed {
		e.endpoint.SetThreshold(d.owner.peer, d.id, th)
	}
}

// ---------------------------------------------------------------------------------------------------------------- handlers

// OnOpen is called when messages can be sent; at once when that is so already.
func (d *DataChannel) OnOpen(f func()) {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	d.onOpen, d.openCalled = f, false
	if d.opened && d.state == DataChannelStateOpen {
		d.calls.add(call{f: d.callOnOpen})
	}
}

func (d *DataChannel) callOnOpen() {
	e := d.owner.engine
	e.mu.Lock()
	f := d.onOpen
	if d.openCalled {
		f = nil
	}
	d.openCalled = d.openCalled || f != nil
	e.unlock()
	if f != nil {
		f()
	}
}

// OnMessage is called with each message, one after the other.
func (d *DataChannel) OnMessage(f func(msg DataChannelMessage)) {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	if f == nil {
		d.onMessage.Store(nil)
		return
	}
	d.onMessage.Store(&f)
	d.calls.hear()
}

// OnClose is called when the channel is closed, after the last message.
func (d *DataChannel) OnClose(f func()) {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	d.onClose = f
}

// OnError is called when the channel fails, with the reason; OnClose follows.
func (d *DataChannel) OnError(f func(err error)) {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	d.onError = f
}

// OnBufferedAmountLow is called when BufferedAmount has fallen to its threshold.
func (d *DataChannel) OnBufferedAmountLow(f func()) {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	d.onBufferedAmountLow = f
}

// size is what it counts among those that wait.
func (m *DataChannelMessage) size() int64 { return int64(len(m.Data) + messageOverhead) }

// deliver is called in the goroutine of the channel's handlers.
func (d *DataChannel) deliver(message DataChannelMessage) {
	defer func() {
		d.queued.Add(-message.size())
		d.relieve()
	}()
	if f := d.onMessage.Load(); f != nil {
		(*f)(message)
	}
}

// relieve is for who has fewer messages waiting, without the lock.
func (d *DataChannel) relieve() {
	if d.queued.Load() <= readLow && d.paused.Load() {
		e := d.owner.engine
		e.mu.Lock()
		d.goOn()
		e.unlock()
	}
}

// goOn is for who had enough, with the lock held.
func (d *DataChannel) goOn() {
	d.paused.Store(false)
	if d.owner.full[d] {
		d.owner.enough(d, false)
	}
}

// ----------------------------------------------------------------------------------------------------------------- sending

// Send queues a binary message, which is copied. ErrQueueFull: so much waits to be sent that nothing was queued (16 MiB, unless the
// SettingEngine says otherwise); ErrMessageTooLarge: for the other side. See SendContext for who would rather wait.
func (d *DataChannel) Send(data []byte) error {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	if d.state != DataChannelStateOpen {
		return d.notOpen()
	}
	return d.sent(native.Send(e.endpoint, d.owner.peer, d.id, data))
}

// SendText queues a message of text.
func (d *DataChannel) SendText(s string) error {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	if d.state != DataChannelStateOpen {
		return d.notOpen()
	}
	return d.sent(native.SendText(e.endpoint, d.owner.peer, d.id, s))
}

func (d *DataChannel) sent(code int) error {
	if code < 0 {
		return d.owner.check(code)
	}
	d.owner.engine.flushSoon()
	return nil
}

// notOpen is why nothing can be sent.
func (d *DataChannel) notOpen() error {
	switch {
	case d.err != nil:
		return d.err
	case d.state == DataChannelStateConnecting:
		return ErrDataChannelNotOpen
	}
	return errChannelClosed
}

// SendContext sends a binary message of any size; it waits while the channel has a megabyte to send, and for others who do the same.
func (d *DataChannel) SendContext(ctx context.Context, data []byte) error {
	return d.sendMessage(ctx, data, false)
}

// SendTextContext is SendContext for text.
func (d *DataChannel) SendTextContext(ctx context.Context, s string) error {
	return d.sendMessage(ctx, []byte(s), true)
}

func (d *DataChannel) sendMessage(ctx context.Context, data []byte, isString bool) error {
	writer, err := d.NextWriter(ctx, isString)
	if err != nil {
		return err
	}
	if _, err = writer.Write(data); err != nil {
		writer.Abort()
		return err
	}
	return writer.Close()
}

// WaitOpen waits until the channel is open.
func (d *DataChannel) WaitOpen(ctx context.Context) error {
	select {
	case <-d.open:
		return nil
	case <-d.closed:
		e := d.owner.engine
		e.mu.Lock()
		defer e.unlock()
		return d.notOpen()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ----------------------------------------------------------------------------------------------------------------- closing

// Close closes the channel, after what was queued. OnClose follows when both directions are closed. Twice is harmless.
func (d *DataChannel) Close() error {
	e := d.owner.engine
	e.mu.Lock()
	defer e.unlock()
	d.close()
	e.flush()
	return nil
}

func (d *DataChannel) close() {
	if d.owner.closing || d.state == DataChannelStateClosing || d.state == DataChannelStateClosed {
		return
	}
	e := d.owner.engine
	before := d.state
	e.endpoint.CloseChannel(d.owner.peer, e.endpoint.Now(), d.id)
	d.state = DataChannelStateClosing
	d.wakeWriters()
	d.goOn() // what comes is dropped from now on: it need not wait
	if before == DataChannelStateConnecting {
		info := e.endpoint.ChannelInfo(d.owner.peer, d.id)
		if info.Swigcptr() == 0 || info.GetState() == uint(native.CHANNEL_CLOSED) {
			d.end(nil) // nobody else knows of it yet
		}
	}
}

// GracefulClose is Close, and waits until the channel is closed and its handlers have returned. Not to be called by one of them.
func (d *DataChannel) GracefulClose() error {
	return d.CloseContext(context.Background())
}

// CloseContext is Close, and waits until both directions are closed and the handlers have been called.
func (d *DataChannel) CloseContext(ctx context.Context) error {
	_ = d.Close()
	select {
	case <-d.closed:
	case <-ctx.Done():
		return ctx.Err()
	}
	told := make(chan struct{})
	d.calls.add(call{f: func() { close(told) }})
	select {
	case <-told:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *DataChannel) wakeWriters() {
	if d.writable != nil {
		close(d.writable)
		d.writable = nil
	}
}

// end is the last that happens to a channel.
func (d *DataChannel) end(err error) {
	if d.state == DataChannelStateClosed {
		return
	}
	d.learn()
	d.state = DataChannelStateClosed
	if d.err == nil {
		d.err = err
	}
	delete(d.owner.channels, d.id)
	d.goOn()
	d.wakeWriters()
	if d.stream != nil {
		d.stream.end(d.err)
	}
	close(d.closed)
	d.calls.add(call{waitedFor: true, f: func() {
		e := d.owner.engine
		e.mu.Lock()
		f := d.onClose
		e.unlock()
		if f != nil {
			f()
		}
	}})
}

// --------------------------------------------------------------------------------------------------- from the engine, locked

func (d *DataChannel) onEvent(event *native.RawEvent) {
	switch native.Prtc_event_type(event.Type) {
	case native.EVENT_CHANNEL_MESSAGE:
		d.onMessageEvent(event)
	case native.EVENT_CHANNEL_OPEN:
		if d.state == DataChannelStateConnecting || (d.state == DataChannelStateOpen && !d.opened) {
			d.state, d.opened = DataChannelStateOpen, true
			close(d.open)
			d.calls.add(call{f: d.callOnOpen})
		}
	case native.EVENT_CHANNEL_BUFFERED_AMOUNT_LOW:
		d.wakeWriters()
		if f := d.onBufferedAmountLow; f != nil {
			d.calls.add(call{f: f})
		}
	case native.EVENT_CHANNEL_CLOSING:
		if d.state == DataChannelStateOpen {
			d.state = DataChannelStateClosing
			d.wakeWriters()
		}
	case native.EVENT_CHANNEL_ERROR:
		d.fail(newError(int(event.Code), event.Text()))
	case native.EVENT_CHANNEL_CLOSED:
		d.end(nil)
	}
}

func (d *DataChannel) fail(err error) {
	d.err = err
	if f := d.onError; f != nil {
		d.calls.add(call{f: func() { f(err) }})
	}
}

func (d *DataChannel) onMessageEvent(event *native.RawEvent) {
	if d.state != DataChannelStateOpen {
		return
	}
	if d.stream != nil {
		d.stream.feed(part{event.Data(), native.Prtc_message_kind(event.Kind) == native.MESSAGE_TEXT, event.Flags})
		return
	}
	message := DataChannelMessage{native.Prtc_message_kind(event.Kind) == native.MESSAGE_TEXT, event.Data()}
	if whole := uint32(partBegin | partEnd); event.Flags&whole != whole {
		if message, whole := d.assemble(message, event.Flags); whole {
			d.heard(message)
		}
		return
	}
	d.heard(message)
}

// assemble puts the parts of a message together; whether it is whole. Parts come where messages may be of any size, so that they can
// be read, but a handler wants them whole: up to wholeMessageLimit.
func (d *DataChannel) assemble(next DataChannelMessage, flags uint32) (DataChannelMessage, bool) {
	if flags&(partBegin|partAbandoned) != 0 {
		d.begun = DataChannelMessage{}
	}
	d.begun.IsString = next.IsString
	d.begun.Data = append(d.begun.Data, next.Data...)
	if len(d.begun.Data) > wholeMessageLimit {
		d.begun = DataChannelMessage{}
		d.fail(&Error{code: -6, message: "the other side sent a message that is too large for OnMessage: read it with NextReader"})
		d.close()
	}
	if flags&partEnd == 0 {
		return DataChannelMessage{}, false
	}
	whole := d.begun
	d.begun = DataChannelMessage{}
	return whole, true
}

func (d *DataChannel) heard(message DataChannelMessage) {
	d.calls.add(call{channel: d, message: message})
	if d.queued.Add(message.size()) > readHigh && !d.paused.Load() {
		d.paused.Store(true)
		d.owner.enough(d, true)
		if d.queued.Load() <= readLow {
			d.goOn() // the handler was quicker, and has not seen that it is to say so
		}
	}
}
