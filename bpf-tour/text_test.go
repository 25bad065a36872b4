package bpftour_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
)

func TestWriteTextEvents(t *testing.T) {
	columns := []bpftour.Column{{Name: "pid"}, {Name: "path"}, {Name: "argv"}}
	event := func(path string) map[string]any {
		return map[string]any{"pid": uint64(7), "path": path, "argv": []string{"ls", "a b"}}
	}
	tests := []struct {
		name, want string
		limit      int
		events     []map[string]any
	}{
		{"plain", "7    /etc  ls \"a b\"\n", 0, []map[string]any{event("/etc")}},
		{"empty text shows", `""`, 0, []map[string]any{event("")}},
		{"terminal sequences do not get through", `"\x1b[2J"`, 0, []map[string]any{event("\x1b[2J")}},
		{"limit", "... 2 more events", 1, []map[string]any{event("a"), event("b"), event("c")}},
		{"none", "nothing was seen", 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			r := bpftour.Result{Complete: true, Empty: len(tt.events) == 0, Columns: columns, Events: tt.events}
			require.NoError(t, bpftour.WriteText(&out, &r, tt.limit, 0))
			require.Contains(t, out.String(), "PID  PATH")
			require.Contains(t, out.String(), tt.want)
			require.NotContains(t, out.String(), "\x1b")
		})
	}
	var out strings.Builder
	require.NoError(t, bpftour.WriteText(&out, &bpftour.Result{Incomplete: []string{"lost_events"}}, 0, 0))
	require.Contains(t, out.String(), "INCOMPLETE: lost_events")
}
