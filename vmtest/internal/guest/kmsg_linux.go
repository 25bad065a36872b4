package guest

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const (
	// kmsgRecordBytes exceeds the kernel's largest record (CONSOLE_EXT_LOG_MAX).
	kmsgRecordBytes = 8192
	// kmsgBatch bounds one drain: a process that writes to /dev/kmsg without end
	// must not keep a command's Exit back for ever.
	kmsgBatch = 20_000
)

// kmsgReader follows the kernel log from its beginning.
type kmsgReader struct {
	mu   sync.Mutex
	fd   int
	emit func(wire.Kmsg) error
}

func openKmsg(emit func(wire.Kmsg) error) (*kmsgReader, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open kernel log: %w", err)
	}
	return &kmsgReader{fd: fd, emit: emit}, nil
}

// follow emits records as they come, until emit fails.
func (k *kmsgReader) follow() error {
	for {
		poll := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
			return fmt.Errorf("poll kernel log: %w", err)
		}
		if err := k.drain(); err != nil {
			return err
		}
	}
}

// drain emits what is in the log now. Whoever returns from it knows that all
// lines logged before the call have been emitted.
func (k *kmsgReader) drain() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	buf := make([]byte, kmsgRecordBytes)
	for range kmsgBatch {
		n, err := unix.Read(k.fd, buf)
		switch err {
		case nil:
			if err := k.record(string(buf[:n])); err != nil {
				return err
			}
		case unix.EAGAIN:
			return nil
		case unix.EPIPE, unix.EINTR:
			// EPIPE: records were overwritten before they were read; the next
			// read goes on with the oldest, and the gap shows in Seq.
		default:
			return fmt.Errorf("read kernel log: %w", err)
		}
	}
	return nil
}

func (k *kmsgReader) record(text string) error {
	record, err := parseKmsg(text)
	if err != nil {
		return err
	}
	return k.emit(record)
}
