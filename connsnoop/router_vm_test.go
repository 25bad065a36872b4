//go:build vmtest && linux

package connsnoop_test

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Codes of ICMP's "destination unreachable" (RFC 792).
const (
	icmpUnreachable = 3
	icmpNet         = 0
	icmpHost        = 1
)

// router sees the TCP segments that come in on loopback, and answers some
// with an ICMP message, as a router does that cannot pass them on.
type router struct {
	segments, messages int
}

func newRouter() (*router, error) {
	segments, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return nil, fmt.Errorf("open raw socket: %w", err)
	}
	messages, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return nil, fmt.Errorf("open raw socket: %w", err)
	}
	return &router{segments, messages}, nil
}

// segment is what an ICMP message quotes: the IPv4 header, and the beginning
// of the TCP header.
type segment []byte

const (
	ipHeader    = 20
	quotedBytes = ipHeader + 8
)

func (s segment) sourcePort() uint16 { return binary.BigEndian.Uint16(s[ipHeader:]) }

// next waits for a segment from a port; with flags MSG_DONTWAIT it may be the
// error EAGAIN. The sequence number is that of the segment's end.
func (r *router) next(port uint16, flags int) (segment, error) {
	packet := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(r.segments, packet, flags)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s := segment(packet[:n]); s.sourcePort() == port {
			return s.quoted(), nil
		}
	}
}

func (s segment) quoted() segment {
	quote := append(segment(nil), s[:quotedBytes]...)
	header := ipHeader + int(s[ipHeader+12]>>4)*4
	sequence := binary.BigEndian.Uint32(s[ipHeader+4:])
	binary.BigEndian.PutUint32(quote[ipHeader+4:], sequence+uint32(len(s)-header))
	return quote
}

// refuseAll answers all segments from a port.
func (r *router) refuseAll(port uint16, code byte) {
	for {
		s, err := r.next(port, 0)
		if err == nil {
			err = r.refuse(s, code)
		}
		if err != nil {
			return
		}
	}
}

// lastOf is the last segment from a port that came until now.
func (r *router) lastOf(port uint16) (last segment, err error) {
	for {
		s, err := r.next(port, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) && last != nil {
			return last, nil
		}
		if err != nil {
			return nil, fmt.Errorf("receive segment: %w", err)
		}
		last = s
	}
}

// refuse sends the message to whom the segment is from.
func (r *router) refuse(s segment, code byte) error {
	message := append([]byte{icmpUnreachable, code, 0, 0, 0, 0, 0, 0}, s...)
	var sum uint32
	for i := 0; i < len(message); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(message[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(message[2:], ^uint16(sum+sum>>16))
	if err := unix.Sendto(r.messages, message, 0, &unix.SockaddrInet4{Addr: [4]byte(s[12:16])}); err != nil {
		return fmt.Errorf("send ICMP message: %w", err)
	}
	return nil
}
