//go:build vmtest && linux

package connsnoop_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/connsnoop"
)

// derived are the fields of conn-event/v1 that repeat others; the schema's
// tests compare them.
var derived = map[string]string{
	"protocol": "", "family": "remote_addr", "local_port": "local_addr", "remote_port": "remote_addr",
	"pid": "opener", "tid": "opener", "uid": "opener", "comm": "opener",
	"closer_pid": "closer", "opened_at": "opened_monotonic_ns", "closed_at": "closed_monotonic_ns",
	"clock_offset_ns": "", "backend": "",
}

// field compares one field of a record with the truth; it returns what is
// wrong, or nothing.
type field struct {
	name string
	diff func(w truth, e connsnoop.Event) string
}

func unequal[T comparable](want, got T) string {
	if want == got {
		return ""
	}
	return fmt.Sprintf("want %v, got %v", want, got)
}

// outside says by what a time is not in a span; a bound of 0 is none.
func (s span) outside(got time.Duration) string {
	if int64(got) < s.From || s.Until != 0 && int64(got) > s.Until {
		return fmt.Sprintf("%d is not in %v", got, s)
	}
	return ""
}

// comparisons are all fields of a record at a connection's end, by their
// names in conn-event/v1.
var comparisons = []field{
	{"type", func(w truth, e connsnoop.Event) string { return unequal(w.Kind, string(e.Kind)) }},
	{"direction", func(w truth, e connsnoop.Event) string { return unequal(w.Direction, string(e.Direction)) }},
	{"v4_mapped", func(w truth, e connsnoop.Event) string { return unequal(w.Mapped, e.Mapped) }},
	{"local_addr", diffLocal},
	{"remote_addr", func(w truth, e connsnoop.Event) string { return unequal(w.Remote, e.Remote) }},
	{"netns_inode", func(w truth, e connsnoop.Event) string { return unequal(w.Netns, uint64(e.NetnsInode)) }},
	{"opener", func(w truth, e connsnoop.Event) string { return w.Opener.diff(e.Opener) }},
	{"pid_source", func(w truth, e connsnoop.Event) string { return unequal(w.PIDSource, string(e.PIDSource)) }},
	{"closer", func(w truth, e connsnoop.Event) string { return w.Closer.diff(e.Closer) }},
	{"cgroup", diffCgroup},
	{"container", diffContainer},
	{"result", func(w truth, e connsnoop.Event) string { return unequal(w.Result, string(e.Result)) }},
	{"errno", func(w truth, e connsnoop.Event) string { return unequal(w.Errno, int(e.Errno)) }},
	{"opened_monotonic_ns", func(w truth, e connsnoop.Event) string { return w.Opened.outside(e.Opened) }},
	{"established_monotonic_ns", diffEstablished},
	{"connect_latency_ns", diffLatency},
	{"closed_monotonic_ns", func(w truth, e connsnoop.Event) string { return w.Closed.outside(e.Closed) }},
	{"duration_ns", func(_ truth, e connsnoop.Event) string { return unequal(e.Closed-e.Opened, e.Duration()) }},
	{"tx_bytes", func(w truth, e connsnoop.Event) string { return unequal(w.Tx, e.TxBytes) }},
	{"rx_bytes", func(w truth, e connsnoop.Event) string { return unequal(w.Rx, e.RxBytes) }},
	{"retransmits_count", diffRetransmits},
	{"srtt_ns", func(w truth, e connsnoop.Event) string { return w.diffRTT(w.SRTT, e.SRTT) }},
	{"min_rtt_ns", func(w truth, e connsnoop.Event) string { return w.diffRTT(w.MinRTT, e.MinRTT) }},
	{"mptcp", func(w truth, e connsnoop.Event) string { return unequal(w.MPTCP, e.MPTCP) }},
	{"tfo", func(w truth, e connsnoop.Event) string { return unequal(w.TFO, e.TFO) }},
	{"seeded", func(w truth, e connsnoop.Event) string { return unequal(w.Seeded, e.Seeded) }},
	{"state", diffState},
}

// diffLocal knows of some failed connections only where they went.
func diffLocal(w truth, e connsnoop.Event) string {
	if w.Local.Port() == 0 {
		return ""
	}
	return unequal(w.Local, e.Local)
}

// diff compares who did something; a thread of 0 is not known.
func (w who) diff(got connsnoop.Identity) string {
	have := who{PID: int(got.PID), TID: int(got.TID), PPID: int(got.PPID), UID: int(got.UID),
		NSPID: int(got.NSPID), Comm: got.Comm}
	if w.TID == 0 && w.PID != 0 {
		have.TID = 0
	}
	return unequal(w, have)
}

func diffCgroup(w truth, e connsnoop.Event) string {
	return unequal(fmt.Sprint(w.CgroupID, w.CgroupPath), fmt.Sprint(e.Cgroup.ID, e.Cgroup.Path))
}

// diffContainer: each actor is a container, by the name of its cgroup.
func diffContainer(w truth, e connsnoop.Event) string {
	id, _ := strings.CutPrefix(w.CgroupPath, "/mini-container-")
	container, _ := e.Container()
	return unequal(connsnoop.Container{Runtime: "mini-container", ID: id}, container)
}

func diffEstablished(w truth, e connsnoop.Event) string {
	if w.Kind == "failed" {
		return unequal(0, e.Established)
	}
	return w.Established.outside(e.Established)
}

// diffLatency: the handshake took place within the call of connect.
func diffLatency(w truth, e connsnoop.Event) string {
	if w.Direction != "connect" || w.Kind == "failed" || w.Seeded {
		return unequal(0, e.ConnectLatency)
	}
	most := int64(e.Established) - max(int64(e.Opened), w.SYN)
	return span{1, max(most, 1)}.outside(e.ConnectLatency)
}

// diffRetransmits: the segments that close may be sent again, which only the
// namespace counts.
func diffRetransmits(w truth, e connsnoop.Event) string {
	if e.Retransmits < w.Retransmits || e.Retransmits > w.MostRetransmits {
		return fmt.Sprintf("want %d to %d, got %d", w.Retransmits, w.MostRetransmits, e.Retransmits)
	}
	return ""
}

// diffRTT: the segments that close a connection may measure once more, so
// only of one that had ended before close the last value is known.
func (w truth) diffRTT(want span, got time.Duration) string {
	if w.Kind == "failed" {
		return unequal(0, got)
	}
	return want.outside(got / time.Microsecond)
}

func diffState(w truth, e connsnoop.Event) string {
	if w.State == "" {
		return ""
	}
	return unequal(w.State, string(e.State))
}

// compare returns what is wrong with a record, by field.
func compare(w truth, e connsnoop.Event) map[string]string {
	wrong := map[string]string{}
	for _, f := range comparisons {
		if diff := f.diff(w, e); diff != "" {
			wrong[f.name] = diff
		}
	}
	return wrong
}

// isOf says whether an event may be the record of an end: its network namespace
// and both its ends are right.
func (w truth) isOf(e connsnoop.Event) bool {
	return e.Kind.End() && uint64(e.NetnsInode) == w.Netns && string(e.Direction) == w.Direction && e.Remote == w.Remote &&
		(w.Local.Port() == 0 || e.Local == w.Local)
}

// find returns the index of the record of an end, or -1. A port may be used
// again, so of several that is the one with the right time.
func (w truth) find(records []connsnoop.Event) int {
	timely := func(e connsnoop.Event) bool { return w.isOf(e) && w.Opened.outside(e.Opened) == "" }
	if i := slices.IndexFunc(records, timely); i >= 0 {
		return i
	}
	return slices.IndexFunc(records, w.isOf)
}
