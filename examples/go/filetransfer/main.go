// Sends a file of any size to another machine, over one data channel, in one message.
//
//	filetransfer send FILE
//	filetransfer receive [FOLDER]
//
// Each prints a line that is to be given to the other: copied from one terminal and pasted into the other. The file comes in parts, so
// neither end holds more than a megabyte of it; at the end the receiver tells the SHA-256 of what it has.
//
// SPDX-License-Identifier: BSD-3-Clause
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"polyrtc.dev/polyrtc"
)

// header is the first message; the file is the second.
type header struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "send":
		err = send(ctx, os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "receive":
		err = receive(ctx, ".")
	case len(os.Args) == 3 && os.Args[1] == "receive":
		err = receive(ctx, os.Args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: filetransfer send FILE | filetransfer receive [FOLDER]")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "filetransfer:", err)
		os.Exit(1)
	}
}

// newConnection takes messages of any size.
func newConnection() (*polyrtc.PeerConnection, error) {
	settings := polyrtc.SettingEngine{}
	settings.SetSCTPMaxMessageSize(polyrtc.NoLimit)
	return polyrtc.NewAPI(polyrtc.WithSettingEngine(settings)).NewPeerConnection(polyrtc.Configuration{})
}

func send(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	connection, err := newConnection()
	if err != nil {
		return err
	}
	defer connection.Close()
	channel, err := connection.CreateDataChannel("file", nil)
	if err != nil {
		return err
	}
	if err := describe(ctx, connection, polyrtc.SDPTypeOffer); err != nil {
		return err
	}
	if err := takeDescription(ctx, connection); err != nil {
		return err
	}
	if err := channel.WaitOpen(ctx); err != nil {
		return err
	}

	about, _ := json.Marshal(header{filepath.Base(path), info.Size()})
	if err := channel.SendTextContext(ctx, string(about)); err != nil {
		return err
	}
	writer, err := channel.NextWriter(ctx, false)
	if err != nil {
		return err
	}
	defer writer.Abort() // of no effect once it is closed
	hash, progress := sha256.New(), newProgress(info.Size())
	if _, err := io.Copy(io.MultiWriter(writer, hash, progress), file); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	progress.end()
	ours := fmt.Sprintf("%x", hash.Sum(nil))
	theirs, err := readText(ctx, channel)
	if err != nil {
		return err
	}
	if theirs != ours {
		return fmt.Errorf("the other side has received something else: %s", theirs)
	}
	fmt.Printf("sent %s, %d bytes\nsha256 %s, the same at the other side\n", filepath.Base(path), info.Size(), ours)
	return channel.CloseContext(ctx)
}

func receive(ctx context.Context, folder string) error {
	connection, err := newConnection()
	if err != nil {
		return err
	}
	defer connection.Close()
	channels := make(chan *polyrtc.DataChannel, 1)
	connection.OnDataChannel(func(channel *polyrtc.DataChannel) { channels <- channel })
	if err := takeDescription(ctx, connection); err != nil {
		return err
	}
	if err := describe(ctx, connection, polyrtc.SDPTypeAnswer); err != nil {
		return err
	}
	var channel *polyrtc.DataChannel
	select {
	case channel = <-channels:
	case <-ctx.Done():
		return ctx.Err()
	}

	about, err := readText(ctx, channel)
	if err != nil {
		return err
	}
	var given header
	if err := json.Unmarshal([]byte(about), &given); err != nil {
		return err
	}
	name := filepath.Base(given.Name)
	if name != given.Name || name == "." || name == ".." || strings.ContainsRune(name, os.PathSeparator) {
		return fmt.Errorf("%q is no name for a file here", given.Name)
	}
	path := filepath.Join(folder, name)
	hash, err := receiveFile(ctx, channel, path, given.Size)
	if err != nil {
		return err
	}
	if err := channel.SendTextContext(ctx, hash); err != nil {
		return err
	}
	fmt.Printf("received %s, %d bytes\nsha256 %s\n", path, given.Size, hash)
	// The sender closes when it has read the hash.
	_, err = channel.NextReader(ctx)
	if errors.Is(err, io.EOF) || errors.Is(err, polyrtc.ErrClosed) {
		return nil
	}
	return err
}

// receiveFile writes beside the file, which is there only when it is whole.
func receiveFile(ctx context.Context, channel *polyrtc.DataChannel, path string, size int64) (string, error) {
	message, err := channel.NextReader(ctx)
	if err != nil {
		return "", err
	}
	file, err := os.OpenFile(path+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return "", err
	}
	defer os.Remove(path + ".part")
	defer file.Close()
	hash, progress := sha256.New(), newProgress(size)
	written, err := io.Copy(io.MultiWriter(file, hash, progress), io.LimitReader(message, size+1))
	if err != nil {
		return "", err
	}
	if written != size {
		return "", fmt.Errorf("there came %d bytes of %d", written, size)
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	progress.end()
	return fmt.Sprintf("%x", hash.Sum(nil)), os.Rename(path+".part", path)
}

// readText reads a short message.
func readText(ctx context.Context, channel *polyrtc.DataChannel) (string, error) {
	message, err := channel.NextReader(ctx)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(message, 1<<16))
	return string(text), err
}

// ---------------------------------------------------------------------------------------------------------------- signalling

// describe makes this side's description and prints it, with all candidates.
func describe(ctx context.Context, connection *polyrtc.PeerConnection, kind polyrtc.SDPType) error {
	gathered := polyrtc.GatheringCompletePromise(connection)
	if err := connection.SetLocalDescription(polyrtc.SessionDescription{Type: kind}); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return ctx.Err()
	}
	line, err := json.Marshal(connection.LocalDescription())
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "For the other side:")
	fmt.Println(base64.StdEncoding.EncodeToString(line))
	return nil
}

// takeDescription reads the other side's from a line.
func takeDescription(ctx context.Context, connection *polyrtc.PeerConnection) error {
	fmt.Fprintln(os.Stderr, "The line of the other side:")
	lines := make(chan string, 1)
	go func() { // reading from a terminal cannot be interrupted
		line, _ := bufio.NewReaderSize(os.Stdin, 1<<17).ReadString('\n')
		lines <- line
	}()
	var line string
	select {
	case line = <-lines:
	case <-ctx.Done():
		return ctx.Err()
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	var description polyrtc.SessionDescription
	if err := json.Unmarshal(text, &description); err != nil {
		return err
	}
	return connection.SetRemoteDescription(description)
}

// ------------------------------------------------------------------------------------------------------------------ progress

// progress is drawn on the terminal, ten times a second.
type progress struct {
	size, done int64
	began      time.Time
	drawn      time.Time
}

func newProgress(size int64) *progress { return &progress{size: size, began: time.Now()} }

func (p *progress) Write(data []byte) (int, error) {
	p.done += int64(len(data))
	if time.Since(p.drawn) > time.Second/10 {
		p.draw()
	}
	return len(data), nil
}

func (p *progress) draw() {
	p.drawn = time.Now()
	share := 1.0
	if p.size > 0 {
		share = float64(p.done) / float64(p.size)
	}
	const width = 30
	full := int(share * width)
	rate := float64(p.done) / 1e6 / time.Since(p.began).Seconds()
	fmt.Fprintf(os.Stderr, "\r%s%s %3.0f %%  %.1f of %.1f MB, %.1f MB/s ", strings.Repeat("█", full), strings.Repeat("░", width-full),
		100*share, float64(p.done)/1e6, float64(p.size)/1e6, rate)
}

func (p *progress) end() {
	p.draw()
	fmt.Fprintln(os.Stderr)
}
