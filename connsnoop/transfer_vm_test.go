//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// transferParts move data by other calls than read and write.
var transferParts = []part{
	{name: "sendfile", play: playTransfer(sendFile, (*end).receive)},
	{name: "splice", play: playTransfer(spliceOut, spliceIn)},
	{name: "peek", play: playTransfer((*end).send, peekTwice), slow: true},
	{name: "sendmmsg", play: playTransfer(sendVector, (*end).receive), slow: true},
	{name: "out-of-band", play: playUrgent, slow: true},
}

func playTransfer(send, receive func(*end, int) error) func(*actor) error {
	return func(a *actor) error {
		client, server, err := a.pair("ipv4")
		if err != nil {
			return err
		}
		n := 1 + a.random.IntN(50_000) // fits the buffers
		return errors.Join(a.exchange(client, server), send(client, n), receive(server, n),
			client.close(), server.receiveEnd(), server.close())
	}
}

// sendFile sends n bytes of a file.
func sendFile(e *end, n int) error {
	file, err := os.CreateTemp("", "sendfile")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := file.Truncate(int64(n)); err != nil {
		return err
	}
	return e.on.do(func() error {
		for left := n; left > 0; {
			sent, err := unix.Sendfile(e.fd, int(file.Fd()), nil, left)
			if err != nil {
				return fmt.Errorf("send file: %w", err)
			}
			left -= sent
			e.Tx += uint64(sent)
		}
		return nil
	})
}

// spliceOut moves n bytes from a pipe to the socket.
func spliceOut(e *end, n int) error {
	return e.on.do(func() error {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			return err
		}
		defer unix.Close(pipe[0])
		defer unix.Close(pipe[1])
		if _, err := unix.Write(pipe[1], make([]byte, n)); err != nil {
			return err
		}
		moved, err := move(pipe[0], e.fd, n)
		e.Tx += uint64(moved)
		return err
	})
}

// spliceIn moves n bytes from the socket to a pipe.
func spliceIn(e *end, n int) error {
	return e.on.do(func() error {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			return err
		}
		defer unix.Close(pipe[0])
		defer unix.Close(pipe[1])
		for left := n; left > 0; {
			moved, err := move(e.fd, pipe[1], min(left, 4096))
			if err != nil {
				return err
			}
			if _, err := unix.Read(pipe[0], make([]byte, moved)); err != nil {
				return err
			}
			left -= moved
			e.Rx += uint64(moved)
		}
		return nil
	})
}

func move(from, to, n int) (moved int, err error) {
	for moved < n {
		step, err := unix.Splice(from, nil, to, nil, n-moved, 0)
		if err != nil {
			return moved, fmt.Errorf("splice: %w", err)
		}
		moved += int(step)
	}
	return moved, nil
}

// peekTwice looks at what it then reads: the bytes count once.
func peekTwice(e *end, n int) error {
	err := e.on.do(func() error {
		for range 2 {
			if _, _, err := unix.Recvfrom(e.fd, make([]byte, n), unix.MSG_PEEK); err != nil {
				return fmt.Errorf("peek: %w", err)
			}
		}
		return nil
	})
	return errors.Join(err, e.receive(n))
}

// sendVector sends in pieces, with more of them to come (MSG_MORE).
func sendVector(e *end, n int) error {
	return e.on.do(func() error {
		for _, piece := range []int{n / 2, n - n/2} {
			sent, err := unix.SendmsgN(e.fd, make([]byte, piece), nil, nil, unix.MSG_MORE)
			if err != nil {
				return fmt.Errorf("send message: %w", err)
			}
			e.Tx += uint64(sent)
		}
		return unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // push
	})
}

// playUrgent sends one byte out of band, which counts as any other.
func playUrgent(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	err = errors.Join(a.exchange(client, server), client.on.do(func() error {
		return unix.Sendto(client.fd, []byte("!"), unix.MSG_OOB, nil)
	}))
	client.Tx++
	err = errors.Join(err, client.close(), server.receiveEnd(), server.close())
	server.Rx++
	return err
}
