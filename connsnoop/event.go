package connsnoop

import (
	"encoding/json"
	"net/netip"
	"time"
)

// EventSchema names the JSON form of an Event: schemas/conn-event.v1.schema.json.
const EventSchema = "conn-event/v1"

// Backend names the hooks that an event comes from.
const Backend = "kprobe"

// Direction says which side of a connection was seen.
type Direction string

// The two directions: a socket either called connect(2), or came out of accept(2).
const (
	Connect Direction = "connect"
	Accept  Direction = "accept"
)

// Event is one TCP connection at its end. Its JSON form is conn-event/v1.
type Event struct {
	Direction Direction
	// Local and Remote are the socket's own two ends. IPv4 connections of an
	// AF_INET6 socket have IPv4 addresses here, and Mapped set.
	Local, Remote netip.AddrPort
	Mapped        bool

	PID  uint32 // process that called connect or accept, as the initial PID namespace numbers it
	TID  uint32 // its thread
	UID  uint32 // its user, as the initial user namespace numbers it
	Comm string // name of the thread group's leader, at most 15 bytes

	CloserPID  uint32 // process whose call closed the last reference
	NetnsInode uint32 // as /proc/PID/ns/net shows it

	// Opened and Closed are CLOCK_MONOTONIC: entry of connect or return of
	// accept, and entry of tcp_close.
	Opened, Closed time.Duration
	// ClockOffset plus a monotonic time is the wall clock (Unix time).
	ClockOffset time.Duration

	TxBytes uint64 // payload handed to TCP, acknowledged or not
	RxBytes uint64 // payload received, read or not
	State   State  // as tcp_close found it
}

// Duration is the time from Opened to Closed.
func (e Event) Duration() time.Duration { return e.Closed - e.Opened }

// Wall converts a monotonic time of this event to UTC.
func (e Event) Wall(monotonic time.Duration) time.Time {
	return time.Unix(0, int64(monotonic+e.ClockOffset)).UTC()
}

// Family is "ipv4" or "ipv6": that of the addresses, not of the socket.
func (e Event) Family() string {
	if e.Remote.Addr().Is4() {
		return "ipv4"
	}
	return "ipv6"
}

// document is the JSON form, in the order in which people read it.
type document struct {
	Schema     string     `json:"schema"`
	Type       string     `json:"type"`
	Direction  Direction  `json:"direction"`
	Protocol   string     `json:"protocol"`
	Family     string     `json:"family"`
	Mapped     bool       `json:"v4_mapped"`
	LocalAddr  netip.Addr `json:"local_addr"`
	LocalPort  uint16     `json:"local_port"`
	RemoteAddr netip.Addr `json:"remote_addr"`
	RemotePort uint16     `json:"remote_port"`
	PID        uint32     `json:"pid"`
	TID        uint32     `json:"tid"`
	UID        uint32     `json:"uid"`
	Comm       string     `json:"comm"`
	CloserPID  uint32     `json:"closer_pid"`
	Netns      uint32     `json:"netns_inode"`
	Duration   int64      `json:"duration_ns"`
	Tx         uint64     `json:"tx_bytes"`
	Rx         uint64     `json:"rx_bytes"`
	State      State      `json:"state"`
	OpenedAt   string     `json:"opened_at"`
	ClosedAt   string     `json:"closed_at"`
	Opened     int64      `json:"opened_monotonic_ns"`
	Closed     int64      `json:"closed_monotonic_ns"`
	Offset     int64      `json:"clock_offset_ns"`
	Backend    string     `json:"backend"`
}

// MarshalJSON returns the event as a conn-event/v1 document.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(document{
		Schema: EventSchema, Type: "close", Protocol: "tcp", Backend: Backend,
		Direction: e.Direction, Family: e.Family(), Mapped: e.Mapped,
		LocalAddr: e.Local.Addr(), LocalPort: e.Local.Port(),
		RemoteAddr: e.Remote.Addr(), RemotePort: e.Remote.Port(),
		PID: e.PID, TID: e.TID, UID: e.UID, Comm: e.Comm,
		CloserPID: e.CloserPID, Netns: e.NetnsInode,
		Duration: int64(e.Duration()), Tx: e.TxBytes, Rx: e.RxBytes, State: e.State,
		OpenedAt: e.Wall(e.Opened).Format(time.RFC3339Nano),
		ClosedAt: e.Wall(e.Closed).Format(time.RFC3339Nano),
		Opened:   int64(e.Opened), Closed: int64(e.Closed), Offset: int64(e.ClockOffset),
	})
}
