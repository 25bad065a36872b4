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
	Filtered  uint64 // ended, but Options.Filter did not want the record
	Live      uint64 // open now
	MapFull   uint64 // not followed: more open than Options.MaxConnections
	MapBusy   uint64 // not followed: the kernel refused for another reason, all of
	MapEBUSY  uint64 // ... the program was interrupted while it changed the map
	MapENOMEM uint64 // ... no memory
	MapOther  uint64 // ... anything else

	MissedEnd  uint64 // of Closed: a program did not run at the end, so no record
	DeleteBusy uint64 // recorded, but the entry could not be deleted
	Seeded     uint64 // of Opened: open before the start
	Late       uint64 // of Opened: first seen when it was closed or ended
	Unseen     uint64 // ended without a record: not followed, or accept never returned it
	Ignored    uint64 // not followed: Options.Filter did not want them

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

// Check returns an error if the numbers do not add up: each opened connection
// must have ended, be live, or not have been followed, and each that ended
// must have been sent, lost or filtered. It holds only while no connection is
// being opened or closed, so ask after Detach.
func (s Stats) Check() error {
	if sum := s.Closed + s.Live + s.MapFull + s.MapBusy; s.Opened != sum {
		return fmt.Errorf("check stats: opened=%d, but closed+live+map_full+map_busy=%d", s.Opened, sum)
	}
	if sum := s.Submitted + s.RingFull + s.Filtered + s.MissedEnd; s.Closed != sum {
		return fmt.Errorf("check stats: closed=%d, but submitted+ring_full+filtered+missed_end=%d", s.Closed, sum)
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
