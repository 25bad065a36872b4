package connsnoop

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// rawRecord has the layout of struct conn_record in bpf/maps.h. Both of our
// architectures are little-endian.
type rawRecord struct {
	OpenedNs   uint64
	PID        uint32
	TID        uint32
	UID        uint32
	Comm       [16]byte
	Direction  uint8
	_          [3]byte
	Local      [16]byte
	Remote     [16]byte
	LocalPort  uint16
	RemotePort uint16
	Family     uint16
	_          uint16
	ClosedNs   uint64
	TxBytes    uint64
	RxBytes    uint64
	CloserPID  uint32
	NetnsInode uint32
	State      uint32
	_          uint32
}

// Address families and directions as the record spells them.
const (
	familyInet     = 2  // AF_INET
	familyInet6    = 10 // AF_INET6
	codedAsConnect = 1  // DIRECTION_CONNECT
	codedAsAccept  = 2  // DIRECTION_ACCEPT
)

// Decode turns one ring buffer record into an Event. offset is the wall clock
// minus the monotonic clock. A record of another length, family, direction or
// state than bpf/maps.h allows is an error.
func Decode(sample []byte, offset time.Duration) (Event, error) {
	var raw rawRecord
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

func (r *rawRecord) event() (Event, error) {
	e := Event{
		Kind: KindClosed, Backend: BackendKprobe, Result: ResultOK,
		Opener: Identity{PID: r.PID, TID: r.TID, UID: r.UID, Comm: comm(r.Comm[:])},
		Closer: Identity{PID: r.CloserPID}, NetnsInode: r.NetnsInode,
		Opened: time.Duration(r.OpenedNs), Closed: time.Duration(r.ClosedNs),
		TxBytes: r.TxBytes, RxBytes: r.RxBytes,
	}
	var err error
	if e.State, err = parseState(r.State); err != nil {
		return Event{}, err
	}
	if e.Direction, err = parseDirection(r.Direction); err != nil {
		return Event{}, err
	}
	e.PIDSource = PIDSource(e.Direction)
	if e.Closed < e.Opened || e.Opened < 0 {
		return Event{}, fmt.Errorf("closed at %d ns, opened at %d ns", r.ClosedNs, r.OpenedNs)
	}
	return e, r.ends(&e)
}

// ends sets the two ends, and takes IPv4 addresses out of their IPv6 form.
func (r *rawRecord) ends(e *Event) error {
	var local, remote netip.Addr
	switch r.Family {
	case familyInet:
		local, remote = netip.AddrFrom4([4]byte(r.Local[:])), netip.AddrFrom4([4]byte(r.Remote[:]))
	case familyInet6:
		local, remote = netip.AddrFrom16(r.Local), netip.AddrFrom16(r.Remote)
	default:
		return fmt.Errorf("unknown address family %d", r.Family)
	}
	e.Mapped = remote.Is4In6()
	if e.Mapped {
		local, remote = local.Unmap(), remote.Unmap()
	}
	e.Local = netip.AddrPortFrom(local, r.LocalPort)
	e.Remote = netip.AddrPortFrom(remote, r.RemotePort)
	return nil
}

func parseDirection(code uint8) (Direction, error) {
	switch code {
	case codedAsConnect:
		return Connect, nil
	case codedAsAccept:
		return Accept, nil
	}
	return "", fmt.Errorf("unknown direction %d", code)
}

// comm cuts at the first NUL. A process may name itself with any bytes: those
// that are no UTF-8 become U+FFFD.
func comm(raw []byte) string {
	name, _, _ := bytes.Cut(raw, []byte{0})
	return strings.ToValidUTF8(string(name), "\uFFFD")
}
