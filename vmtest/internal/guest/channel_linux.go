package guest

import (
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// portName is the virtio-serial port that the host attaches.
	portName = "vmtest.0"
	// hostPatience is how long a port without a host on its other end counts as
	// "not yet" (boot) or "again in a moment" (restore from a snapshot).
	hostPatience = 60 * time.Second
)

// channel is the virtio-serial port. It is opened once (a second open gets
// EBUSY) and stays blocking: polling a port while another thread writes to it
// can lose the writer's wake-up for good on older kernels.
type channel struct {
	fd int
}

func openChannel(sysRoot string) (*channel, error) {
	name, err := await("channel "+portName, deviceWait, func() string { return findPort(sysRoot, portName) })
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open("/dev/"+name, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open channel %s: %w", name, err)
	}
	return &channel{fd: fd}, nil
}

// Read blocks until the host has sent something. The driver reads zero bytes
// while no host is connected.
func (c *channel) Read(p []byte) (int, error) {
	deadline := time.Now().Add(hostPatience)
	for {
		n, err := unix.Read(c.fd, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, fmt.Errorf("read channel: %w", err)
		case n > 0:
			return n, nil
		case time.Now().After(deadline):
			return 0, io.EOF
		default:
			time.Sleep(pollInterval)
		}
	}
}

// Write blocks until the driver has taken all of p, in pieces of 32 KiB.
func (c *channel) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := unix.Write(c.fd, p[sent:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return sent, fmt.Errorf("write channel: %w", err)
		}
		sent += n
	}
	return sent, nil
}

// Close gives the port back.
func (c *channel) Close() error { return unix.Close(c.fd) }
