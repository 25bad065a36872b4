package guest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

func TestParseKmsg(t *testing.T) {
	tests := []struct {
		name, record string
		want         wire.Kmsg
		fail         bool
	}{
		{"kernel line", "6,339,5140900,-;NET: ok\n SUBSYSTEM=net\n", wire.Kmsg{Seq: 339, Level: 6, TimeNS: 5140900000, Text: "NET: ok"}, false},
		{"user line", "12,1,2,-,caller=T1;a;b\\x0a", wire.Kmsg{Seq: 1, Level: 4, Facility: 1, TimeNS: 2000, Text: "a;b\\x0a"}, false},
		{"no text", "6,1,2,-", wire.Kmsg{}, true},
		{"too short", "6,1;x", wire.Kmsg{}, true},
		{"bad number", "x,1,2,-;x", wire.Kmsg{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseKmsg(tt.record)
			require.Equal(t, tt.fail, err != nil)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParseStat(t *testing.T) {
	p, err := parseStat("42 (a) (b)) S 1 42 42 0 -1 4194560 100")
	require.NoError(t, err)
	require.Equal(t, process{pid: 42, parent: 1, session: 42, name: "a) (b)"}, p)
	p, err = parseStat("9 (kworker/0:1) I 2 0 0 0 -1 69238880 0")
	require.NoError(t, err)
	require.True(t, p.kernel)
	for _, bad := range []string{"", "1 S", "x (y) S 1 1 1 1 1 1", "1 (y) S 1 1"} {
		_, err := parseStat(bad)
		require.Error(t, err, bad)
	}
}

func TestOfSession(t *testing.T) {
	list := []process{
		{pid: 12, parent: 11, session: 12}, // a descendant with its own session
		{pid: 11, parent: 1, session: 10},  // an orphan in the session
		{pid: 20, parent: 1, session: 20},
	}
	require.Equal(t, list[:2], ofSession(list, 10))
}

func TestListProcesses(t *testing.T) {
	root := t.TempDir()
	require.Empty(t, listProcesses(root))
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Markdown(&b))
	for _, m := range Mounts() {
		require.Contains(t, b.String(), "| `"+m.Target+"` | "+m.Type+" |")
		require.NotEmpty(t, m.Reason)
	}
	for _, s := range Sysctls() {
		require.Contains(t, b.String(), s.Name)
		require.False(t, strings.HasSuffix(s.Value, "\n"))
	}
	require.Contains(t, b.String(), "| payload | `/payload` | `ro` |")
}

func FuzzParseKmsg(f *testing.F) {
	f.Add("6,339,5140900,-;NET: ok\n SUBSYSTEM=net\n")
	f.Add("4294967295,1,2;x")
	f.Fuzz(func(t *testing.T, record string) {
		k, err := parseKmsg(record)
		if err != nil {
			return
		}
		if k.Level < 0 || k.Level > 7 || strings.Contains(k.Text, "\n") {
			t.Fatalf("%+v", k)
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add("42 (a) (b)) S 1 42 42 0 -1 4194560 100")
	f.Add("9 (kworker/0:1) I 2 0 0 0 -1 69238880 0")
	f.Fuzz(func(t *testing.T, line string) {
		if p, err := parseStat(line); err == nil && !strings.Contains(line, p.name) {
			t.Fatalf("%+v", p)
		}
	})
}
