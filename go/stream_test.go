// SPDX-License-Identifier: BSD-3-Clause

package polyrtc_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"os"
	"testing"
	"time"

	webrtc "polyrtc.dev/polyrtc"
)

func closeBoth(t *testing.T, ends [2]*webrtc.PeerConnection) {
	t.Cleanup(func() {
		for _, end := range ends {
			check(t, end.GracefulClose())
		}
	})
}

func TestMessagesOfAnySize(t *testing.T) {
	ends, channels := connected(t, loopback(func(s *webrtc.SettingEngine) {
		s.SetSCTPMaxMessageSize(webrtc.NoLimit)
		s.DetachDataChannels() // so that nothing is lost before it is read
	}))
	closeBoth(t, ends)
	ctx := limit(t)
	sizes := []int{0, 1, 65535, 65536, 65537, 256<<10 + 4, 1 << 20, 5 << 20}
	message := func(size int) []byte {
		data := make([]byte, size)
		rand.New(rand.NewSource(int64(size))).Read(data)
		return data
	}
	for from := range channels {
		go func(channel *webrtc.DataChannel) {
			for _, size := range sizes {
				if err := channel.SendContext(ctx, message(size)); err != nil {
					t.Error(err)
				}
				if err := channel.SendTextContext(ctx, "between"); err != nil {
					t.Error(err)
				}
			}
		}(channels[from])
	}
	for _, channel := range channels {
		for _, size := range sizes {
			reader, err := channel.NextReader(ctx)
			check(t, err)
			data, err := io.ReadAll(reader)
			check(t, err)
			if reader.IsString || !bytes.Equal(data, message(size)) {
				t.Errorf("of %d bytes there came %d, or others", size, len(data))
			}
			reader, err = channel.NextReader(ctx)
			check(t, err)
			if text, err := io.ReadAll(reader); err != nil || string(text) != "between" || !reader.IsString {
				t.Errorf("there came %q, %v", text, err)
			}
		}
	}
}

// TestReadFromTheFirst: what comes before NextReader is called is kept while the channel is new.
func TestReadFromTheFirst(t *testing.T) {
	for round := 0; round < 20; round++ {
		offerer, answerer := pair(t, loopback())
		channel, err := offerer.CreateDataChannel("", nil)
		check(t, err)
		channel.OnOpen(func() {
			for i := byte(0); i < 100; i++ {
				if err := channel.SendContext(limit(t), bytes.Repeat([]byte{i}, 20000)); err != nil {
					t.Error(err)
				}
			}
		})
		received := make(chan error, 1)
		answerer.OnDataChannel(func(channel *webrtc.DataChannel) {
			go func() {
				for i := byte(0); i < 100; i++ {
					reader, err := channel.NextReader(limit(t))
					var data []byte
					if err == nil {
						data, err = io.ReadAll(reader)
					}
					if err == nil && !bytes.Equal(data, bytes.Repeat([]byte{i}, 20000)) {
						err = errors.New("something else came")
					}
					if err != nil {
						received <- err
						return
					}
				}
				received <- nil
			}()
		})
		negotiate(t, offerer, answerer)
		if err := got(t, received); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

func TestDetached(t *testing.T) {
	ends, channels := connected(t, loopback(func(s *webrtc.SettingEngine) { s.DetachDataChannels() }))
	closeBoth(t, ends)
	near, err := channels[0].DetachWithDeadline()
	check(t, err)
	far, err := channels[1].DetachWithDeadline()
	check(t, err)

	// A stream of bytes
	sent := make([]byte, 3<<20)
	rand.New(rand.NewSource(1)).Read(sent)
	go func() {
		if n, err := near.Write(sent); n != len(sent) || err != nil {
			t.Error(n, err)
		}
	}()
	received := make([]byte, len(sent))
	_, err = io.ReadFull(far, received)
	check(t, err)
	if !bytes.Equal(sent, received) {
		t.Error("other bytes came")
	}

	// Messages with their ends
	_, err = far.WriteDataChannel([]byte("héllo"), true)
	check(t, err)
	_, err = far.WriteDataChannel(nil, false)
	check(t, err)
	buffer := make([]byte, 100)
	if n, _, err := near.ReadDataChannel(buffer[:3]); err != io.ErrShortBuffer || n <= 3 {
		t.Errorf("3 bytes are enough for 6: %d, %v", n, err)
	}
	if n, text, err := near.ReadDataChannel(buffer); err != nil || !text || string(buffer[:n]) != "héllo" {
		t.Errorf("there came %q, %v, %v", buffer[:n], text, err)
	}
	if n, text, err := near.ReadDataChannel(buffer); n != 0 || text || err != nil {
		t.Errorf("of an empty message there came %d bytes, %v", n, err)
	}

	// Deadlines
	check(t, near.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	if _, err := near.Read(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	check(t, near.SetReadDeadline(time.Time{}))
	check(t, near.SetWriteDeadline(time.Unix(1, 0)))
	if _, err := near.Write(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	check(t, near.SetDeadline(time.Time{}))
	reading := make(chan error)
	go func() {
		_, err := near.Read(buffer)
		reading <- err
	}()
	check(t, near.SetReadDeadline(time.Now()))
	if err := got(t, reading); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline that comes meanwhile: %v", err)
	}
	check(t, near.SetDeadline(time.Time{}))

	// A writer that is not read waits, with a bound, until its deadline
	check(t, far.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	if n, err := far.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || n > 16<<20 {
		t.Errorf("nobody reads, and %d bytes were taken: %v", n, err)
	}
	check(t, far.SetWriteDeadline(time.Time{}))

	// The end
	check(t, far.Close())
	if _, err := io.Copy(io.Discard, near); err != nil {
		t.Error(err)
	}
	if _, err := near.Write(buffer); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a channel that is closed: %v", err)
	}
}

// TestHandlersGetWholeMessages also where messages may be of any size and come in parts.
func TestHandlersGetWholeMessages(t *testing.T) {
	ends, channels := connected(t, loopback(func(s *webrtc.SettingEngine) { s.SetSCTPMaxMessageSize(webrtc.NoLimit) }))
	closeBoth(t, ends)
	messages, failures := make(chan webrtc.DataChannelMessage, 10), make(chan error, 1)
	channels[1].OnMessage(func(message webrtc.DataChannelMessage) { messages <- message })
	channels[1].OnError(func(err error) { failures <- err })
	ctx := limit(t)
	for _, size := range []int{0, 1, 100000, 10 << 20} {
		check(t, channels[0].SendContext(ctx, bytes.Repeat([]byte{7}, size)))
		if message := got(t, messages); len(message.Data) != size || bytes.Count(message.Data, []byte{7}) != size {
			t.Errorf("of %d bytes there came %d", size, len(message.Data))
		}
	}
	go channels[0].SendContext(ctx, make([]byte, 20<<20))
	if err := got(t, failures); !errors.Is(err, webrtc.ErrMessageTooLarge) {
		t.Errorf("a message that is too large: %v", err)
	}
}
