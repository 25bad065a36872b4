package bpftour_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
)

const goodHeader = `// name: demo
// title: Demo
// answers: Does it parse?
// probe: kprobe:f
// column: time_ns uint ns | when
// column: argc_count uint count | how many
// column: argv strings - | which
// histogram: @h size_bytes bytes | sizes
// key: @h pid uint identifier | who
// key: @h comm string - | its name
// note: nothing

kprobe:f { print(1); }
`

func TestParseRecipe(t *testing.T) {
	r, err := bpftour.ParseRecipe(goodHeader)
	require.NoError(t, err)
	require.Equal(t, "demo", r.Name)
	require.Equal(t, bpftour.Column{Name: "argv", Type: bpftour.Strings, Unit: "none", Description: "which"}, r.Columns[2])
	require.Len(t, r.Histograms[0].Key, 2)

	tests := []struct{ name, old, new, want string }{
		{"unknown key", "// note: nothing", "// nota: bene", "header line 11: nota: unknown key"},
		{"no colon", "// note: nothing", "// nothing", `want "// key: value"`},
		{"no value", "// note: nothing", "// note: ", `want "// key: value"`},
		{"name twice", "// note: nothing", "// name: demo", "given twice"},
		{"bad name", "name: demo", "name: Demo!", "malformed name"},
		{"no title", "// title: Demo\n", "", "required"},
		{"wildcard probe", "probe: kprobe:f", "probe: kprobe:vfs_*", "malformed"},
		{"probe twice", "// note: nothing", "// probe: kprobe:f", "given twice"},
		{"unknown need", "// note: nothing", "// needs: luck", "malformed"},
		{"column without description", "ns | when", "ns", "want \"name type unit"},
		{"unknown type", "time_ns uint", "time_ns u64", "unknown type"},
		{"unknown unit", "time_ns uint ns", "time_ms uint ms", "unknown unit"},
		{"quantity without its unit", "time_ns uint ns", "time uint ns", "does not go with unit"},
		{"unit without quantity", "pid uint identifier", "pid_ns uint identifier", "does not go with unit"},
		{"number without unit", "time_ns uint ns", "time uint -", "needs a unit"},
		{"text with unit", "comm string -", "comm string identifier", "needs a unit"},
		{"list without count", "// column: argc_count uint count | how many\n", "", "needs a count before it"},
		{"histogram of text", "size_bytes bytes |", "size identifier |", "must be ns or bytes"},
		{"key of another map", "key: @h pid", "key: @x pid", "no histogram @x above"},
		{"text before the end of a key", "pid uint identifier | who", "path string - | who", "only the last part"},
		{"no program", "kprobe:f { print(1); }", "", "no program"},
		{"no output", "// column: time_ns", "// note: time_ns", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := strings.Replace(goodHeader, tt.old, tt.new, 1)
			require.NotEqual(t, goodHeader, source)
			_, err := bpftour.ParseRecipe(source)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// TestRecipes holds the built-in recipes to what is known to go wrong.
func TestRecipes(t *testing.T) {
	for _, r := range bpftour.Recipes() {
		t.Run(r.Name, func(t *testing.T) {
			for _, probe := range r.Probes {
				require.Contains(t, r.Source, "\n"+probe, "declared but not used")
			}
			require.NotContains(t, r.Source, "printf(", "only tuples are quoted rightly on all versions")
			require.NotContains(t, r.Source, "args.", "0.17 knows args-> only")
			for _, h := range r.Histograms {
				require.Contains(t, r.Source, h.Map+"[", "declared but not filled")
			}
			require.NotEmpty(t, r.Notes)
		})
	}
	_, err := bpftour.Lookup("nope")
	require.ErrorContains(t, err, "there are: execsnoop, opensnoop")
}

func FuzzParseRecipe(f *testing.F) {
	f.Add(goodHeader)
	f.Add("// name: x\n// key: @h\n")
	f.Add("//")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := bpftour.ParseRecipe(s)
		if err == nil {
			require.True(t, r.Name != "" && len(r.Probes) > 0 && r.Source == s)
		}
	})
}
