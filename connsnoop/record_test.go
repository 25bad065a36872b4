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
func aRecord() rawRecord {
	return rawRecord{
		OpenedNs: 5_000_000_000, ClosedNs: 5_250_000_000, PID: 4242, TID: 4243, UID: 1000, CloserPID: 4244,
		Comm: [16]byte{'c', 'u', 'r', 'l'}, Direction: codedAsConnect, NetnsInode: 4026531840,
		Local: [16]byte{127, 0, 0, 1}, Remote: [16]byte{192, 0, 2, 7}, LocalPort: 40000, RemotePort: 443,
		Family: familyInet, TxBytes: 1000, RxBytes: 5000, State: 1,
	}
}

func encode(t testing.TB, raw rawRecord) []byte {
	var sample bytes.Buffer
	require.NoError(t, binary.Write(&sample, binary.LittleEndian, raw))
	return sample.Bytes()
}

func TestDecode(t *testing.T) {
	v6 := netip.MustParseAddr("2001:db8::7").As16()
	mapped, localMapped := netip.MustParseAddr("::ffff:192.0.2.7").As16(), netip.MustParseAddr("::ffff:127.0.0.1").As16()
	tests := []struct {
		name    string
		change  func(*rawRecord)
		check   func(*testing.T, Event)
		wantErr string
	}{
		{"ipv4", func(*rawRecord) {}, func(t *testing.T, e Event) {
			require.Equal(t, "127.0.0.1:40000", e.Local.String())
			require.Equal(t, "192.0.2.7:443", e.Remote.String())
			require.Equal(t, "ipv4", e.Family())
			require.False(t, e.Mapped)
			require.Equal(t, 250*time.Millisecond, e.Duration())
			require.Equal(t, Connect, e.Direction)
		}, ""},
		{"ipv6", func(r *rawRecord) { r.Family, r.Remote = familyInet6, v6 }, func(t *testing.T, e Event) {
			require.Equal(t, "[2001:db8::7]:443", e.Remote.String())
			require.Equal(t, "ipv6", e.Family())
		}, ""},
		{"v4-mapped", func(r *rawRecord) { r.Family, r.Remote, r.Local = familyInet6, mapped, localMapped }, func(t *testing.T, e Event) {
			require.Equal(t, "127.0.0.1:40000 192.0.2.7:443", e.Local.String()+" "+e.Remote.String())
			require.True(t, e.Mapped)
			require.Equal(t, "ipv4", e.Family())
		}, ""},
		{"accept", func(r *rawRecord) { r.Direction = codedAsAccept }, func(t *testing.T, e Event) {
			require.Equal(t, Accept, e.Direction)
		}, ""},
		{"comm that fills its field", func(r *rawRecord) { copy(r.Comm[:], "fifteen-letters") }, func(t *testing.T, e Event) {
			require.Equal(t, "fifteen-letters", e.Opener.Comm)
		}, ""},
		{"comm that is no text", func(r *rawRecord) { r.Comm = [16]byte{0xff, 0xfe, 'x'} }, func(t *testing.T, e Event) {
			require.Equal(t, "\uFFFDx", e.Opener.Comm)
		}, ""},
		{"state", func(r *rawRecord) { r.State = 8 }, func(t *testing.T, e Event) {
			require.Equal(t, State("CLOSE_WAIT"), e.State)
		}, ""},
		{"no direction", func(r *rawRecord) { r.Direction = 0 }, nil, "unknown direction 0"},
		{"unix socket", func(r *rawRecord) { r.Family = 1 }, nil, "unknown address family 1"},
		{"state 0", func(r *rawRecord) { r.State = 0 }, nil, "unknown TCP state 0"},
		{"state 12", func(r *rawRecord) { r.State = 12 }, nil, "unknown TCP state 12"},
		{"ends before it starts", func(r *rawRecord) { r.ClosedNs = 1 }, nil, "closed at 1 ns"},
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
		require.ErrorContains(t, err, "want 120")
	}
}

// TestEventJSON shows the JSON form and checks it against the schema.
func TestEventJSON(t *testing.T) {
	event, err := Decode(encode(t, aRecord()), 1_795_222_337*time.Second)
	require.NoError(t, err)
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
		document, err := json.Marshal(event)
		require.NoError(t, err)
		require.Empty(t, schemas.Validate(EventSchema, document), "%s", document)
	})
}
