package connsnoop

import (
	"net/netip"
	"time"
)

// EventSchema names the JSON form of an Event: schemas/conn-event.v1.schema.json.
const EventSchema = "conn-event/v1"

// Event is what happened to one TCP connection, as one of its ends saw it. Its
// JSON form is conn-event/v1. A zero value stands for what is not known, or
// not yet: which fields a backend fills is in Fields.
type Event struct {
	Kind      Kind
	Backend   Backend // hooks it comes from: never BackendAuto
	Direction Direction

	// Local and Remote are the socket's own two ends. IPv4 connections of an
	// AF_INET6 socket have IPv4 addresses here, and Mapped set.
	Local, Remote netip.AddrPort
	Mapped        bool

	Opener     Identity  // called connect or accept
	PIDSource  PIDSource // how Opener is known
	Closer     Identity  // its call closed the last reference
	Cgroup     Cgroup    // of the opener
	NetnsInode uint32    // as /proc/PID/ns/net shows it

	Result Result // empty unless Kind.End()
	Errno  Errno

	// Opened, Established and Closed are CLOCK_MONOTONIC; those of an event
	// that did not happen are 0. If Seeded, Opened is when it was found.
	Opened, Established, Closed time.Duration
	// ConnectLatency is from the first SYN to the handshake's end, at the end
	// that connected.
	ConnectLatency time.Duration
	// ClockOffset plus a monotonic time is the wall clock (Unix time).
	ClockOffset time.Duration

	TxBytes     uint64        // payload sent, each byte once, acknowledged or not
	RxBytes     uint64        // payload received, read or not
	Retransmits uint32        // segments sent again
	SRTT        time.Duration // smoothed round trip
	MinRTT      time.Duration // least round trip of the kernel's window

	MPTCP  bool  // a subflow of an MPTCP connection
	TFO    bool  // data went with the SYN (TCP Fast Open)
	Seeded bool  // open before the tracer started
	State  State // in which the end found it
}

// Duration is the time from Opened to Closed.
func (e Event) Duration() time.Duration { return e.Closed - e.Opened }

// Container is the container that the opener's cgroup belongs to, if any.
func (e Event) Container() (Container, bool) { return ContainerOf(e.Cgroup.Path) }

// Wall converts a monotonic time of this event to UTC.
func (e Event) Wall(monotonic time.Duration) time.Time {
	return time.Unix(0, int64(monotonic+e.ClockOffset)).UTC()
}

// At is the monotonic time of what Kind names.
func (e Event) At() time.Duration {
	switch e.Kind {
	case KindOpen:
		return e.Opened
	case KindEstablished:
		return e.Established
	}
	return e.Closed
}

// Family is "ipv4" or "ipv6": that of the addresses, not of the socket.
func (e Event) Family() string {
	if e.Remote.Addr().Is4() {
		return "ipv4"
	}
	return "ipv6"
}
