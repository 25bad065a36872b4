//go:build vmtest && linux

package connsnoop_test

import (
	"fmt"
	"slices"

	"namespaces-cgroups-ebpf/connsnoop"
)

// kinds are the events of a connection's end, in their order.
func (w truth) kinds() []connsnoop.Kind {
	list := []connsnoop.Kind{connsnoop.KindOpen}
	if w.Kind == "close" && (w.PIDSource == "connect" || w.PIDSource == "accept") {
		list = append(list, connsnoop.KindEstablished)
	}
	return append(list, connsnoop.Kind(w.Kind))
}

// isBefore says whether a notice is of the connection that an end's record is
// of: that has the same beginning, to the nanosecond.
func isBefore(e, end connsnoop.Event) bool {
	return !e.Kind.End() && e.Opened == end.Opened && e.NetnsInode == end.NetnsInode &&
		e.Direction == end.Direction && e.Remote == end.Remote
}

// compareNotices returns what is wrong with the events before an end, by
// field; what is wrong with their number or order is under "events".
func compareNotices(w truth, notices []connsnoop.Event, end connsnoop.Event) map[string]string {
	wrong, kinds := map[string]string{}, []connsnoop.Kind{}
	for _, e := range append(slices.Clone(notices), end) {
		kinds = append(kinds, e.Kind)
	}
	if !slices.Equal(w.kinds(), kinds) {
		wrong["events"] = fmt.Sprintf("want %v, got %v", w.kinds(), kinds)
	}
	for _, e := range notices {
		for _, f := range noticeComparisons(e.Kind) {
			if diff := f.diff(w, e); diff != "" {
				wrong[f.name] = fmt.Sprintf("of %s: %s", e.Kind, diff)
			}
		}
		if diff := diffFromEnd(e, end); diff != "" {
			wrong["events"] = fmt.Sprintf("of %s: %s", e.Kind, diff)
		}
	}
	return wrong
}

// lasting are the fields that a connection has from its opening on.
var lasting = []string{"direction", "v4_mapped", "remote_addr", "netns_inode", "opener", "pid_source",
	"cgroup", "container", "opened_monotonic_ns", "seeded"}

// noticeComparisons are the fields that an event before the end must have.
func noticeComparisons(kind connsnoop.Kind) (list []field) {
	for _, f := range comparisons {
		if slices.Contains(lasting, f.name) {
			list = append(list, f)
		}
	}
	if kind == connsnoop.KindOpen {
		return append(list, field{"local_addr", diffLocalAtOpen}, field{"established_monotonic_ns", diffUpAtOpen})
	}
	return append(list, field{"local_addr", diffLocal}, field{"established_monotonic_ns", diffEstablished},
		field{"connect_latency_ns", diffLatency},
		field{"mptcp", func(w truth, e connsnoop.Event) string { return unequal(w.MPTCP, e.MPTCP) }})
}

// diffLocalAtOpen: connect gives a socket its address later, unless it was bound.
func diffLocalAtOpen(w truth, e connsnoop.Event) string {
	if w.Direction == "connect" && !w.Seeded {
		if e.Local.Port() != 0 && w.Local.Port() != 0 {
			return unequal(w.Local.Port(), e.Local.Port())
		}
		return ""
	}
	return diffLocal(w, e)
}

// diffUpAtOpen: what accept returns is established; a fast open's may be.
func diffUpAtOpen(w truth, e connsnoop.Event) string {
	if w.Direction == "accept" && w.PIDSource == "accept" && (!w.TFO || e.Established != 0) {
		return unequal(e.Opened, e.Established)
	}
	return unequal(0, e.Established)
}

// diffFromEnd: what is known before the end is what the end's record says,
// and nothing is known that only the end brings.
func diffFromEnd(e, end connsnoop.Event) string {
	if e.Kind == connsnoop.KindEstablished && e.Established != end.Established {
		return unequal(end.Established, e.Established)
	}
	if e.At() > end.At() {
		return fmt.Sprintf("at %v, after the end at %v", e.At(), end.At())
	}
	late := connsnoop.Event{Result: e.Result, Errno: e.Errno, Closed: e.Closed, TxBytes: e.TxBytes, RxBytes: e.RxBytes,
		Retransmits: e.Retransmits, SRTT: e.SRTT, MinRTT: e.MinRTT, State: e.State, Closer: e.Closer}
	return unequal(connsnoop.Event{}, late)
}
