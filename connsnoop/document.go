package connsnoop

import (
	"encoding/json"
	"net/netip"
	"time"
)

// document is the JSON form, in the order in which people read it. What an
// event of this kind cannot have is left out; what was not found is null.
type document struct {
	Schema     string          `json:"schema"`
	Type       Kind            `json:"type"`
	Direction  Direction       `json:"direction"`
	Protocol   string          `json:"protocol"`
	Family     string          `json:"family"`
	Mapped     bool            `json:"v4_mapped"`
	LocalAddr  netip.Addr      `json:"local_addr"`
	LocalPort  uint16          `json:"local_port"`
	RemoteAddr netip.Addr      `json:"remote_addr"`
	RemotePort uint16          `json:"remote_port"`
	PID        uint32          `json:"pid"`
	TID        uint32          `json:"tid"`
	UID        uint32          `json:"uid"`
	Comm       string          `json:"comm"`
	Opener     *Identity       `json:"opener"`
	PIDSource  PIDSource       `json:"pid_source"`
	Cgroup     *cgroupDocument `json:"cgroup"`
	Container  *Container      `json:"container"`
	Netns      uint32          `json:"netns_inode"`
	*ending
	OpenedAt    string  `json:"opened_at"`
	Opened      int64   `json:"opened_monotonic_ns"`
	Established *int64  `json:"established_monotonic_ns"`
	Latency     *int64  `json:"connect_latency_ns"`
	Offset      int64   `json:"clock_offset_ns"`
	MPTCP       bool    `json:"mptcp"`
	TFO         bool    `json:"tfo"`
	Seeded      bool    `json:"seeded"`
	Backend     Backend `json:"backend"`
}

// ending is what only a record at the end of a connection has.
type ending struct {
	CloserPID   uint32         `json:"closer_pid"`
	Closer      *Identity      `json:"closer"`
	Result      Result         `json:"result"`
	Errno       *errnoDocument `json:"errno"`
	Duration    int64          `json:"duration_ns"`
	Tx          uint64         `json:"tx_bytes"`
	Rx          uint64         `json:"rx_bytes"`
	Retransmits uint32         `json:"retransmits_count"`
	SRTT        *int64         `json:"srtt_ns"`
	MinRTT      *int64         `json:"min_rtt_ns"`
	State       State          `json:"state"`
	ClosedAt    string         `json:"closed_at"`
	Closed      int64          `json:"closed_monotonic_ns"`
}

// MarshalJSON returns the event as a conn-event/v1 document.
func (e Event) MarshalJSON() ([]byte, error) {
	d := document{
		Schema: EventSchema, Type: e.Kind, Protocol: "tcp", Backend: e.Backend,
		Direction: e.Direction, Family: e.Family(), Mapped: e.Mapped,
		LocalAddr: e.Local.Addr(), LocalPort: e.Local.Port(),
		RemoteAddr: e.Remote.Addr(), RemotePort: e.Remote.Port(),
		PID: e.Opener.PID, TID: e.Opener.TID, UID: e.Opener.UID, Comm: e.Opener.Comm,
		Opener: e.Opener.orNull(), PIDSource: e.PIDSource,
		Cgroup: e.Cgroup.orNull(), Netns: e.NetnsInode,
		OpenedAt: e.Wall(e.Opened).Format(time.RFC3339Nano), Opened: int64(e.Opened),
		Established: known(e.Established), Latency: known(e.ConnectLatency),
		Offset: int64(e.ClockOffset), MPTCP: e.MPTCP, TFO: e.TFO, Seeded: e.Seeded,
	}
	if c, ok := e.Container(); ok {
		d.Container = &c
	}
	if e.Kind.End() {
		d.ending = e.ending()
	}
	return json.Marshal(d)
}

func (e Event) ending() *ending {
	return &ending{
		CloserPID: e.Closer.PID, Closer: e.Closer.orNull(),
		Result: e.Result, Errno: e.Errno.orNull(),
		Duration: int64(e.Duration()), Tx: e.TxBytes, Rx: e.RxBytes,
		Retransmits: e.Retransmits, SRTT: known(e.SRTT), MinRTT: known(e.MinRTT), State: e.State,
		ClosedAt: e.Wall(e.Closed).Format(time.RFC3339Nano), Closed: int64(e.Closed),
	}
}

// known returns nil, which is JSON's null, for a time that is not known.
func known(d time.Duration) *int64 {
	if d == 0 {
		return nil
	}
	ns := int64(d)
	return &ns
}
