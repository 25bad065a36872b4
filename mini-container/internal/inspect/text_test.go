package inspect

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestText shows a report of everything, in both ways.
func TestText(t *testing.T) {
	data, err := os.ReadFile("../../../schemas/testdata/valid/container-inspect/device-programs.json")
	require.NoError(t, err)
	r := &Report{}
	require.NoError(t, json.Unmarshal(data, r))
	yes := true
	r.Namespaces[1].SharedWithInit = &yes
	r.Namespaces[2].SharedWithInit = nil
	r.Namespaces[3].SharedWithInit, r.Namespaces[3].SharedWithCaller = nil, &yes
	r.Namespaces[4].SharedWithInit, r.Namespaces[4].SharedWithCaller = nil, nil
	r.Command = []string{"sh", "-c", "a b", "\x1b[31m"}
	r.UIDs.Saved, r.Groups, r.Threads = 7, []uint32{4, 24}, 3
	r.GIDMappings = []Mapping{{0, 1000, 1}, {1, 100000, 10}}
	r.UIDMappings = []Mapping{{0, 0, 1<<32 - 1}}
	r.Root = "/\x1b]0;x"
	for name, color := range map[string]bool{"report.txt": false, "report-color.txt": true} {
		var out strings.Builder
		require.NoError(t, r.Text(&out, color))
		path := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), out.String(), name)
	}
}

func TestCapabilityText(t *testing.T) {
	const all = 1<<41 - 1
	tests := []struct {
		name string
		mask uint64
		want string
	}{
		{"none", 0, "none"},
		{"few", 0b11, "chown dac_override"},
		{"all", all, "41: all up to checkpoint_restore"},
		{"all of an older kernel", 1<<38 - 1, "38: all up to audit_read"},
		{"one is missing", all &^ (1 << 24), "40: all up to checkpoint_restore but sys_resource"},
		{"the first is missing", all &^ 1, "40: all up to checkpoint_restore but chown"},
		{"a newer one", 1<<42 - 1, "42: all up to 41"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, capabilityText(CapabilityNames(tt.mask))) })
	}
}

func TestCommandText(t *testing.T) {
	require.Equal(t, "unknown", commandText(&Report{}))
	require.Contains(t, commandText(&Report{Command: []string{}}), "threads of the kernel")
	require.Equal(t, `sh -c "a b"`, commandText(&Report{Command: []string{"sh", "-c", "a b"}}))
}

// TestEachKind: eight lines that say the same are one, seven are seven.
func TestEachKind(t *testing.T) {
	var all []Unknown
	for _, kind := range Types {
		all = append(all, Unknown{"namespaces." + kind, "why"}, Unknown{"namespaces." + kind + ".owner_inode", "other"})
	}
	require.Equal(t, []Unknown{{"namespaces.*", "why"}, {"namespaces.*.owner_inode", "other"}, {"root", "why"}}, eachKind(append(all, Unknown{"root", "why"})))
	require.Equal(t, all[2:], eachKind(all[2:]))
	var out strings.Builder
	require.NoError(t, (&Report{Unknown: append(all, Unknown{"root", "why"})}).Text(&out, false))
	require.Contains(t, out.String(), "  why:\n    namespaces.*, root\n")
}
