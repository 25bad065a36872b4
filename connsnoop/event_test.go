package connsnoop

import (
	"encoding/json"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

// aConnection has every field of an Event.
func aConnection() Event {
	return Event{
		Kind: KindClosed, Backend: BackendFentry, Direction: Connect,
		Local: netip.MustParseAddrPort("10.0.2.15:40000"), Remote: netip.MustParseAddrPort("192.0.2.7:443"), Mapped: true,
		Opener:    Identity{PID: 4242, TID: 4243, PPID: 4200, UID: 1000, Comm: "curl", NSPID: 7},
		PIDSource: PIDConnect,
		Closer:    Identity{PID: 4250, TID: 4251, PPID: 4242, UID: 1001, Comm: "helper", NSPID: 9},
		Cgroup:    Cgroup{ID: 5107, Path: "/system.slice/docker-" + hex64 + ".scope"}, NetnsInode: 4026531840,
		Result: ResultReset, Errno: 104,
		Opened: 5 * time.Second, Established: 5*time.Second + 2*time.Millisecond, Closed: 6 * time.Second,
		ConnectLatency: 1900 * time.Microsecond, ClockOffset: 1_795_222_337 * time.Second,
		TxBytes: 1000, RxBytes: 5000, Retransmits: 3, SRTT: 1200 * time.Microsecond, MinRTT: 900 * time.Microsecond,
		MPTCP: true, TFO: true, State: "CLOSE",
	}
}

const hex64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestDocuments shows each kind of document and checks it against the schema.
func TestDocuments(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Event)
	}{
		{"close", func(*Event) {}},
		{"open", func(e *Event) {
			e.Kind, e.Established, e.ConnectLatency, e.Local = KindOpen, 0, 0, netip.MustParseAddrPort("0.0.0.0:0")
		}},
		{"established", func(e *Event) { e.Kind = KindEstablished }},
		{"failed", func(e *Event) {
			e.Kind, e.Result, e.Errno, e.State = KindFailed, ResultRefused, 111, "SYN_SENT"
			e.Established, e.ConnectLatency, e.SRTT, e.MinRTT = 0, 0, 0, 0
		}},
		{"unreachable", func(e *Event) {
			e.Kind, e.Result, e.Errno, e.State = KindFailed, ResultUnreachable, 101, "CLOSE"
			e.Local, e.Closer, e.Cgroup.Path = netip.MustParseAddrPort("[::]:0"), Identity{}, ""
			e.Established, e.ConnectLatency, e.SRTT, e.MinRTT = 0, 0, 0, 0
		}},
		{"unknown opener", func(e *Event) { e.Opener, e.PIDSource, e.Cgroup, e.Seeded = Identity{}, PIDUnknown, Cgroup{}, true }},
		{"unheard-of errno", func(e *Event) { e.Errno, e.Result = 77, ResultError }},
		{"path that is no text", func(e *Event) { e.Cgroup.Path = "/\xff.service" }},
	}
	var documents []byte
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			event := aConnection()
			tt.change(&event)
			line, err := json.Marshal(event)
			require.NoError(t, err)
			require.Empty(t, schemas.Validate(EventSchema, line), "%s", line)
			documents = append(append(documents, line...), '\n')
		})
	}
	golden(t, "testdata/events.golden.jsonl", documents)
}

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestAt(t *testing.T) {
	e := aConnection()
	for kind, want := range map[Kind]time.Duration{KindOpen: e.Opened, KindEstablished: e.Established, KindFailed: e.Closed, KindClosed: e.Closed} {
		e.Kind = kind
		require.Equal(t, want, e.At(), kind)
	}
}
