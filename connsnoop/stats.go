package connsnoop

import "fmt"

// Stats counts what happened to connections since the probes were attached.
// Loss is never silent: a record that is missing is in MapFull, MapBusy,
// RingFull or MissedEnd.
type Stats struct {
	Opened    uint64 // connect calls, accepted sockets, and those found later
	Closed    uint64 // connections that ended, failed ones too
	Failed    uint64 // of Closed: never established
	Submitted uint64 // records of ends sent to user space
	RingFull  uint64 // ended, but the ring buffer was full: the record is lost
	Filtered  uint64 // ended, but Options.Filter did not want the port, address or result
	Live      uint64 // open now
	MapFull   uint64 // not followed: more open than Options.MaxConnections
	MapBusy   uint64 // not followed: the kernel refused for another reason, all of
	MapEBUSY  uint64 // ... the program was interrupted while it changed the map
	MapENOMEM uint64 // ... no memory
	MapOther  uint64 // ... anything else: EDEADLK, ETIMEDOUT since 6.15

	MissedEnd  uint64 // of Closed: a program did not run at the end, so no record
	DeleteBusy uint64 // recorded, but the entry could not be deleted
	Seeded     uint64 // of Opened: open before the start
	Late       uint64 // of Opened: first seen when it was closed or ended
	Unseen     uint64 // ended without a record: not followed, or accept never returned it
	Ignored    uint64 // not even Opened: who, where or what Options.Filter did not want

	Notices     uint64 // open and established events sent
	NoticesLost uint64 // the same, but the ring buffer was full

	AggregatesFull uint64 // not counted by comm, port and cgroup: Options.MaxAggregates
	PathsLost      uint64 // cgroup paths that were too long, too deep, or had no place

	Missed    uint64 // probe hits that the kernel skipped: too many returns pending
	Recursion uint64 // programs that the kernel skipped, as they were running already
}

// statsOf reads the counters in the order of enum counter in bpf/abi.h.
func statsOf(counters []uint64, live uint64) Stats {
	s := Stats{Live: live}
	for i, field := range s.counters() {
		*field = counters[i]
	}
	s.MapBusy = s.MapEBUSY + s.MapENOMEM + s.MapOther
	return s
}

func (s *Stats) counters() []*uint64 {
	return []*uint64{
		&s.Opened, &s.Closed, &s.Failed, &s.Submitted, &s.RingFull, &s.Filtered,
		&s.MapFull, &s.MapEBUSY, &s.MapENOMEM, &s.MapOther, &s.DeleteBusy, &s.MissedEnd,
		&s.Seeded, &s.Late, &s.Unseen, &s.Ignored, &s.Notices, &s.NoticesLost,
		&s.AggregatesFull, &s.PathsLost,
	}
}

// Lost is the number of connections that should have a record and have none.
func (s Stats) Lost() uint64 { return s.MapFull + s.MapBusy + s.RingFull + s.MissedEnd }

// Counter is one of the numbers of Stats, by its name in reports.
type Counter struct {
	Name    string
	Value   uint64
	Meaning string
}

// Counters lists all numbers.
func (s Stats) Counters() []Counter {
	return []Counter{
		{"opened", s.Opened, "connections followed, or that should have been"},
		{"closed", s.Closed, "of them: ended"},
		{"failed", s.Failed, "of closed: never established"},
		{"live", s.Live, "of opened: still open"},
		{"seeded", s.Seeded, "of opened: open before the start"},
		{"late", s.Late, "of opened: first seen at close or end"},
		{"submitted", s.Submitted, "of closed: records sent"},
		{"filtered", s.Filtered, "of closed: port, address or result not wanted"},
		{"ignored", s.Ignored, "not opened: process, cgroup, netns, family or direction not wanted"},
		{"ring_full", s.RingFull, "of closed: records lost, the ring buffer was full"},
		{"map_full", s.MapFull, "of opened: not followed, too many at once (--max-conns)"},
		{"map_busy", s.MapBusy, "of opened: not followed, the map's update was refused, all of"},
		{"map_ebusy", s.MapEBUSY, "- as it interrupted another (EBUSY)"},
		{"map_enomem", s.MapENOMEM, "- for lack of memory (ENOMEM)"},
		{"map_other", s.MapOther, "- for another reason (EDEADLK, ETIMEDOUT)"},
		{"missed_end", s.MissedEnd, "of closed: no record, a program did not run at the end"},
		{"delete_busy", s.DeleteBusy, "recorded, but the entry stayed in the map"},
		{"unseen", s.Unseen, "ended without record: accept never returned it, or not followed"},
		{"notices", s.Notices, "open and established events sent (--events)"},
		{"notices_lost", s.NoticesLost, "the same, lost: the ring buffer was full"},
		{"aggregates_full", s.AggregatesFull, "not summed up, too many combinations (--max-aggregates)"},
		{"paths_lost", s.PathsLost, "cgroup paths too long or too deep"},
		{"missed", s.Missed, "returns of functions that the kernel did not report"},
		{"recursion", s.Recursion, "programs that the kernel skipped on a busy CPU"},
	}
}

// Balances are the identities that hold while no connection is being opened
// or closed: each opened connection has ended, is live, or was not followed,
// and each that ended was sent, lost or filtered.
func (s Stats) Balances() []Balance {
	return []Balance{
		balance("opened = closed + live + map_full + map_busy",
			s.Opened, s.Closed+s.Live+s.MapFull+s.MapBusy),
		balance("closed = submitted + ring_full + filtered + missed_end",
			s.Closed, s.Submitted+s.RingFull+s.Filtered+s.MissedEnd),
	}
}

// Balance is two sums of counters that must be the same.
type Balance struct {
	Identity string `json:"identity"`
	Left     uint64 `json:"left_count"`
	Right    uint64 `json:"right_count"`
	Holds    bool   `json:"holds"`
}

func balance(identity string, left, right uint64) Balance {
	return Balance{identity, left, right, left == right}
}

// Check returns an error if the numbers do not add up: each opened connection
// must have ended, be live, or not have been followed, and each that ended
// must have been sent, lost or filtered. It holds only while no connection is
// being opened or closed, so ask after Detach.
func (s Stats) Check() error {
	for _, b := range s.Balances() {
		if !b.Holds {
			return fmt.Errorf("check stats: %s, but they are %d and %d", b.Identity, b.Left, b.Right)
		}
	}
	return nil
}

// String is one line of name=value pairs.
func (s Stats) String() string {
	return fmt.Sprintf("opened=%d closed=%d failed=%d submitted=%d live=%d"+
		" map_full=%d map_busy=%d ring_full=%d filtered=%d ignored=%d missed_end=%d"+
		" seeded=%d late=%d unseen=%d delete_busy=%d missed=%d recursion=%d",
		s.Opened, s.Closed, s.Failed, s.Submitted, s.Live,
		s.MapFull, s.MapBusy, s.RingFull, s.Filtered, s.Ignored, s.MissedEnd,
		s.Seeded, s.Late, s.Unseen, s.DeleteBusy, s.Missed, s.Recursion)
}
