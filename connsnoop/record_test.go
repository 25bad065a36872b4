package connsnoop

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

var update = flag.Bool("update", false, "rewrite golden files")

// aRecord is a client's connection, as the kernel would send it.
func aRecord() rawEvent {
	return rawEvent{
		Ns: 5_250_000_100, Kind: codeOf(kinds[:], KindClosed), Result: codeOf(results[:], ResultOK), State: 5,
		TxBytes: 1000, RxBytes: 5000, SrttUs: 120, MinRttUs: 80, Retransmits: 1,
		Conn: rawConn{
			OpenedNs: 5_000_000_000, SynNs: 5_000_001_000, EstablishedNs: 5_000_301_000, ClosingNs: 5_250_000_000,
			Opener:   rawWho{PID: 4242, TID: 4243, PPID: 1, UID: 1000, NSPID: 2, Comm: [16]byte{'c', 'u', 'r', 'l'}},
			Closer:   rawWho{PID: 4244, TID: 4244, PPID: 4242, UID: 1000, NSPID: 4, Comm: [16]byte{'c', 'u', 'r', 'l'}},
			CgroupID: 5107, Netns: 4026531840, CloseState: 1,
			Direction: codeOf(directions[:], Connect), PIDSource: codeOf(pidSources[:], PIDConnect),
			Tuple: rawTuple{
				Local: [16]byte{127, 0, 0, 1}, Remote: [16]byte{192, 0, 2, 7}, LocalPort: 40000, RemotePort: 443,
				ServicePort: 443, Family: familyInet,
			},
		},
	}
}

func encode(t testing.TB, raw rawEvent) []byte {
	var sample bytes.Buffer
	require.NoError(t, binary.Write(&sample, binary.LittleEndian, raw))
	return sample.Bytes()
}

func TestDecode(t *testing.T) {
	v6 := netip.MustParseAddr("2001:db8::7").As16()
	mapped, localMapped := netip.MustParseAddr("::ffff:192.0.2.7").As16(), netip.MustParseAddr("::ffff:127.0.0.1").As16()
	tests := []struct {
		name    string
		change  func(*rawEvent)
		check   func(*testing.T, Event)
		wantErr string
	}{
		{"ipv4", func(*rawEvent) {}, func(t *testing.T, e Event) {
			require.Equal(t, "127.0.0.1:40000", e.Local.String())
			require.Equal(t, "192.0.2.7:443", e.Remote.String())
			require.Equal(t, "ipv4", e.Family())
			require.False(t, e.Mapped)
			require.Equal(t, 250*time.Millisecond, e.Duration())
			require.Equal(t, Connect, e.Direction)
		}, ""},
		{"ipv6", func(r *rawEvent) { r.Conn.Tuple.Family, r.Conn.Tuple.Remote = familyInet6, v6 }, func(t *testing.T, e Event) {
			require.Equal(t, "[2001:db8::7]:443", e.Remote.String())
			require.Equal(t, "ipv6", e.Family())
		}, ""},
		{"v4-mapped", func(r *rawEvent) {
			r.Conn.Tuple.Family, r.Conn.Tuple.Remote, r.Conn.Tuple.Local = familyInet6, mapped, localMapped
		}, func(t *testing.T, e Event) {
			require.Equal(t, "127.0.0.1:40000 192.0.2.7:443", e.Local.String()+" "+e.Remote.String())
			require.True(t, e.Mapped)
			require.Equal(t, "ipv4", e.Family())
		}, ""},
		{"accept", func(r *rawEvent) { r.Conn.Direction = codeOf(directions[:], Accept) }, func(t *testing.T, e Event) {
			require.Equal(t, Accept, e.Direction)
		}, ""},
		{"comm that fills its field", func(r *rawEvent) { copy(r.Conn.Opener.Comm[:], "fifteen-letters") }, func(t *testing.T, e Event) {
			require.Equal(t, "fifteen-letters", e.Opener.Comm)
		}, ""},
		{"comm that is no text", func(r *rawEvent) { r.Conn.Opener.Comm = [16]byte{0xff, 0xfe, 'x'} }, func(t *testing.T, e Event) {
			require.Equal(t, "\uFFFDx", e.Opener.Comm)
		}, ""},
		{"state", func(r *rawEvent) { r.Conn.CloseState = 8 }, func(t *testing.T, e Event) {
			require.Equal(t, State("CLOSE_WAIT"), e.State)
		}, ""},
		{"reset before it was closed", func(r *rawEvent) {
			r.Conn.ClosingNs, r.Err, r.Result, r.Conn.Closer = 0, 104, codeOf(results[:], ResultReset), rawWho{}
		}, func(t *testing.T, e Event) {
			require.Equal(t, State("CLOSE"), e.State)
			require.EqualValues(t, 5_250_000_100, e.Closed)
			require.Equal(t, []any{ResultReset, Errno(104), false}, []any{e.Result, e.Errno, e.Closer.Known()})
		}, ""},
		{"refused", func(r *rawEvent) {
			r.Conn.ClosingNs, r.Conn.EstablishedNs, r.Err, r.State = 0, 0, 111, 2
			r.Kind, r.Result = codeOf(kinds[:], KindFailed), codeOf(results[:], ResultRefused)
		}, func(t *testing.T, e Event) {
			require.Equal(t, []any{KindFailed, ResultRefused, State("SYN_SENT")}, []any{e.Kind, e.Result, e.State})
			require.Zero(t, e.ConnectLatency)
		}, ""},
		{"measures", func(*rawEvent) {}, func(t *testing.T, e Event) {
			require.Equal(t, 300*time.Microsecond, e.ConnectLatency)
			require.Equal(t, 120*time.Microsecond, e.SRTT)
			require.Equal(t, 80*time.Microsecond, e.MinRTT)
		}, ""},
		{"never measured", func(r *rawEvent) { r.MinRttUs = 1<<32 - 1 }, func(t *testing.T, e Event) {
			require.Zero(t, e.MinRTT)
		}, ""},
		{"flags", func(r *rawEvent) { r.Conn.Flags = flagSeeded | flagMPTCP | flagTFO }, func(t *testing.T, e Event) {
			require.True(t, e.Seeded && e.MPTCP && e.TFO)
		}, ""},
		{"just opened", func(r *rawEvent) { r.Kind, r.Result, r.Conn.ClosingNs = 1, 0, 0 }, func(t *testing.T, e Event) {
			require.Equal(t, []any{KindOpen, Result(""), State(""), time.Duration(0)}, []any{e.Kind, e.Result, e.State, e.Closed})
		}, ""},
		{"no direction", func(r *rawEvent) { r.Conn.Direction = 0 }, nil, "unknown connsnoop.Direction 0"},
		{"no kind", func(r *rawEvent) { r.Kind = 0 }, nil, "unknown connsnoop.Kind 0"},
		{"no result", func(r *rawEvent) { r.Result = 8 }, nil, "unknown connsnoop.Result 8"},
		{"no source", func(r *rawEvent) { r.Conn.PIDSource = 5 }, nil, "unknown connsnoop.PIDSource 5"},
		{"unix socket", func(r *rawEvent) { r.Conn.Tuple.Family = 1 }, nil, "unknown address family 1"},
		{"state 0", func(r *rawEvent) { r.Conn.CloseState = 0 }, nil, "unknown TCP state 0"},
		{"state 12", func(r *rawEvent) { r.Conn.ClosingNs, r.State = 0, 12 }, nil, "unknown TCP state 12"},
		{"ends before it starts", func(r *rawEvent) { r.Conn.ClosingNs = 1 }, nil, "closed at 1ns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := aRecord()
			tt.change(&raw)
			event, err := Decode(encode(t, raw), time.Hour)
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			require.Equal(t, time.Hour, event.ClockOffset)
			tt.check(t, event)
		})
	}
}

func TestDecodeLength(t *testing.T) {
	sample := encode(t, aRecord())
	for _, wrong := range [][]byte{nil, sample[:len(sample)-1], append(sample, 0)} {
		_, err := Decode(wrong, 0)
		require.ErrorContains(t, err, "want 224")
	}
}

// TestEventJSON shows the JSON form and checks it against the schema.
func TestEventJSON(t *testing.T) {
	event, err := Decode(encode(t, aRecord()), 1_795_222_337*time.Second)
	require.NoError(t, err)
	event.Backend = BackendFentry
	got, err := json.MarshalIndent(event, "", "  ")
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(EventSchema, got))

	const golden = "testdata/event.golden.json"
	if *update {
		require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))
}

// FuzzDecode checks that whatever decodes is a valid document.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, aRecord()))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, sample []byte) {
		event, err := Decode(sample, 0)
		if err != nil || event.Local.Port() == 0 || event.Remote.Port() == 0 || event.NetnsInode == 0 {
			return
		}
		event.Backend = BackendKprobe
		document, err := json.Marshal(event)
		require.NoError(t, err)
		require.Empty(t, schemas.Validate(EventSchema, document), "%s", document)
	})
}
