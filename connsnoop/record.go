package connsnoop

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"
)

// Address families.
const (
	familyInet  = 2  // AF_INET
	familyInet6 = 10 // AF_INET6
)

// Decode turns one ring buffer record into an Event. offset is the wall clock
// minus the monotonic clock. A record of another length, or with a number that
// bpf/abi.h does not name, is an error. The backend and the cgroup's path are
// not in a record.
func Decode(sample []byte, offset time.Duration) (Event, error) {
	var raw rawEvent
	if want := binary.Size(raw); len(sample) != want {
		return Event{}, fmt.Errorf("decode record: %d bytes, want %d", len(sample), want)
	}
	if _, err := binary.Decode(sample, binary.LittleEndian, &raw); err != nil {
		return Event{}, fmt.Errorf("decode record: %w", err)
	}
	event, err := raw.event()
	if err != nil {
		return Event{}, fmt.Errorf("decode record: %w", err)
	}
	event.ClockOffset = offset
	return event, nil
}

func (r *rawEvent) event() (e Event, err error) {
	if e.Kind, err = nameOf(kinds[:], r.Kind); err != nil {
		return Event{}, err
	}
	if e.Direction, err = nameOf(directions[:], r.Conn.Direction); err != nil {
		return Event{}, err
	}
	if e.PIDSource, err = nameOf(pidSources[:], r.Conn.PIDSource); err != nil {
		return Event{}, err
	}
	r.Conn.describe(&e)
	if e.Kind.End() {
		if err := r.end(&e); err != nil {
			return Event{}, err
		}
	}
	return e, r.Conn.Tuple.ends(&e)
}

// describe sets what is known from the opening on.
func (c *rawConn) describe(e *Event) {
	e.Opener, e.Closer = c.Opener.identity(), c.Closer.identity()
	e.Cgroup.ID, e.NetnsInode = c.CgroupID, c.Netns
	e.Opened, e.Established = time.Duration(c.OpenedNs), time.Duration(c.EstablishedNs)
	e.Seeded, e.MPTCP, e.TFO = c.Flags&flagSeeded != 0, c.Flags&flagMPTCP != 0, c.Flags&flagTFO != 0
	if e.Direction == Connect && c.SynNs != 0 && c.EstablishedNs > c.SynNs {
		e.ConnectLatency = time.Duration(c.EstablishedNs - c.SynNs)
	}
}

// end sets what is known at the end only.
func (r *rawEvent) end(e *Event) (err error) {
	if e.Result, err = nameOf(results[:], r.Result); err != nil {
		return err
	}
	if e.State, err = r.state(); err != nil {
		return err
	}
	e.Errno = Errno(r.Err)
	e.Closed = time.Duration(r.Ns)
	if r.Conn.ClosingNs != 0 {
		e.Closed = time.Duration(r.Conn.ClosingNs)
	}
	if e.Closed < e.Opened || e.Opened < 0 {
		return fmt.Errorf("closed at %v, opened at %v", e.Closed, e.Opened)
	}
	e.TxBytes, e.RxBytes, e.Retransmits = r.TxBytes, r.RxBytes, r.Retransmits
	e.SRTT = time.Duration(r.SrttUs) * time.Microsecond
	if r.MinRttUs != math.MaxUint32 {
		e.MinRTT = time.Duration(r.MinRttUs) * time.Microsecond
	}
	return nil
}

// state is the one that close found. Without close, a connection that was up
// is closed by then.
func (r *rawEvent) state() (State, error) {
	left, err := parseState(uint32(r.State))
	switch {
	case r.Conn.ClosingNs != 0:
		return parseState(uint32(r.Conn.CloseState))
	case kinds[r.Kind] == KindFailed || err != nil:
		return left, err
	}
	return "CLOSE", nil
}

func (w *rawWho) identity() Identity {
	return Identity{PID: w.PID, TID: w.TID, PPID: w.PPID, UID: w.UID, NSPID: w.NSPID, Comm: comm(w.Comm[:])}
}

// ends sets the two ends, and takes IPv4 addresses out of their IPv6 form.
func (t *rawTuple) ends(e *Event) error {
	var local, remote netip.Addr
	switch t.Family {
	case familyInet:
		local, remote = netip.AddrFrom4([4]byte(t.Local[:])), netip.AddrFrom4([4]byte(t.Remote[:]))
	case familyInet6:
		local, remote = netip.AddrFrom16(t.Local), netip.AddrFrom16(t.Remote)
	default:
		return fmt.Errorf("unknown address family %d", t.Family)
	}
	if e.Mapped = remote.Is4In6(); e.Mapped {
		remote = remote.Unmap()
		if local = local.Unmap(); !local.Is4() { // a connect that got no address
			local = netip.IPv4Unspecified()
		}
	}
	e.Local = netip.AddrPortFrom(local, t.LocalPort)
	e.Remote = netip.AddrPortFrom(remote, t.RemotePort)
	return nil
}

// comm cuts at the first NUL. A process may name itself with any bytes: those
// that are no UTF-8 become U+FFFD.
func comm(raw []byte) string {
	name, _, _ := bytes.Cut(raw, []byte{0})
	return strings.ToValidUTF8(string(name), "\uFFFD")
}
