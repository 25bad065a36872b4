package connsnoop

import "fmt"

// Stats counts what happened to sockets since the probes were attached.
// Loss is never silent: a record that is missing is in MapFull, MapBusy or
// RingFull.
type Stats struct {
	Opened    uint64 // connect calls and accepted sockets
	Closed    uint64 // connections that ended
	Submitted uint64 // records sent to user space
	Failed    uint64 // sockets that were closed but never got connected
	Replaced  uint64 // connect calls on a socket whose previous attempt failed
	MapFull   uint64 // not followed: more sockets open than Options.MaxConns
	MapBusy   uint64 // not followed: the kernel refused the map update
	RingFull  uint64 // ended, but the ring buffer was full: the record is lost
	Filtered  uint64 // ended, but Options.Port is neither of its ports
	Live      uint64 // open now
}

// statsOf reads the counters in the order of enum counter in bpf/maps.h.
func statsOf(counters []uint64, live uint64) Stats {
	return Stats{
		Opened: counters[0], Closed: counters[1], Submitted: counters[2],
		Failed: counters[3], Replaced: counters[4], MapFull: counters[5],
		MapBusy: counters[6], RingFull: counters[7], Filtered: counters[8],
		Live: live,
	}
}

// counterCount is COUNTERS in bpf/maps.h.
const counterCount = 9

// Lost is the number of connections that should have a record and have none.
func (s Stats) Lost() uint64 { return s.MapFull + s.MapBusy + s.RingFull }

// Check returns an error if the numbers do not add up: each opened socket
// must have ended, failed, been replaced, not been followed, or be live, and
// each ended one must have been sent, lost or filtered. It holds only while
// no connection is being opened or closed, so ask after Detach.
func (s Stats) Check() error {
	if sum := s.Closed + s.Failed + s.Replaced + s.MapFull + s.MapBusy + s.Live; s.Opened != sum {
		return fmt.Errorf("check stats: opened=%d, but closed+failed+replaced+map_full+map_busy+live=%d", s.Opened, sum)
	}
	if sum := s.Submitted + s.RingFull + s.Filtered; s.Closed != sum {
		return fmt.Errorf("check stats: closed=%d, but submitted+ring_full+filtered=%d", s.Closed, sum)
	}
	return nil
}

// String is one line of name=value pairs.
func (s Stats) String() string {
	return fmt.Sprintf("opened=%d closed=%d submitted=%d failed=%d replaced=%d live=%d"+
		" map_full=%d map_busy=%d ring_full=%d filtered=%d",
		s.Opened, s.Closed, s.Submitted, s.Failed, s.Replaced, s.Live,
		s.MapFull, s.MapBusy, s.RingFull, s.Filtered)
}
