package bpfjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/bpf-tour/internal/bpfjson"
)

func num(v int64) *int64 { return &v }

func decode(t *testing.T, version string, lines ...string) []bpfjson.Message {
	t.Helper()
	v, err := bpfjson.ParseVersion(version)
	require.NoError(t, err)
	d := bpfjson.NewDecoder(v)
	var out []bpfjson.Message
	for _, line := range lines {
		m, err := d.Decode([]byte(line))
		require.NoError(t, err, line)
		out = append(out, m)
	}
	return out
}

func TestDecode(t *testing.T) {
	tests := []struct {
		name, version, line string
		want                bpfjson.Message
	}{
		{"blank", "0.23.2", "\n", bpfjson.Message{Kind: bpfjson.Blank}},
		{"notification", "0.23.2", "__BPFTRACE_NOTIFY_PROBES_ATTACHED", bpfjson.Message{Kind: bpfjson.Attached}},
		{"text", "0.23.2", "No probes to attach", bpfjson.Message{Kind: bpfjson.Text, Text: "No probes to attach"}},
		{"probes 0.23", "0.23.2", `{"type": "attached_probes", "data": {"probes": 7}}`, bpfjson.Message{Kind: bpfjson.ProbeCount, Count: 7}},
		{"probes 0.27", "0.27.1", `{"type": "attached_probes", "count": 2, "data": {"probes": 2}}`, bpfjson.Message{Kind: bpfjson.ProbeCount, Count: 2}},
		{"lost 0.17", "0.17.0", `{"type": "lost_events", "data": {"events": 3}}`, bpfjson.Message{Kind: bpfjson.Lost, Count: 3}},
		{"lost 0.27", "0.27.1", `{"type": "lost_events", "count": 9, "data": {"events": 9}}`, bpfjson.Message{Kind: bpfjson.Lost, Count: 9}},
		{"tuple", "0.23.2", `{"type": "value", "data": [16011716201,177,"grep",["a",-2]]}`,
			bpfjson.Message{Kind: bpfjson.Value, Value: []any{json.Number("16011716201"), json.Number("177"), "grep", []any{"a", json.Number("-2")}}}},
		{"mangled bytes", "0.17.0", `{"type": "value", "data": "caf\uffffffc3\uffffffa9"}`, bpfjson.Message{Kind: bpfjson.Value, Value: "café"}},
		{"escaped backslash before u", "0.23.2", `{"type": "value", "data": "\\uffffffc3"}`, bpfjson.Message{Kind: bpfjson.Value, Value: `\uffffffc3`}},
		{"half a character", "0.23.2", `{"type": "value", "data": "\uffffffc3"}`, bpfjson.Message{Kind: bpfjson.Value, Value: "\ufffd"}},
		{"scalar map", "0.23.2", `{"type": "map", "data": {"@": 1}}`,
			bpfjson.Message{Kind: bpfjson.Map, Maps: []bpfjson.MapValues{{Name: "@", Entries: []bpfjson.Entry{{Value: json.Number("1")}}}}}},
		{"twin keys", "0.23.2", `{"type": "map", "data": {"@k": {"a,b,c": 1, "a,b,c": 2}}}`,
			bpfjson.Message{Kind: bpfjson.Map, Maps: []bpfjson.MapValues{{Name: "@k", Entries: []bpfjson.Entry{
				{Key: "a,b,c", Keyed: true, Value: json.Number("1")}, {Key: "a,b,c", Keyed: true, Value: json.Number("2")}}}}}},
		{"key escaped twice in 0.23", "0.23.2", `{"type": "map", "data": {"@k": {"a\\\"b\\\\c\\uffffffc3\\uffffffa9": 1}}}`,
			bpfjson.Message{Kind: bpfjson.Map, Maps: []bpfjson.MapValues{{Name: "@k", Entries: []bpfjson.Entry{{Key: `a"b\cé`, Keyed: true, Value: json.Number("1")}}}}}},
		{"key escaped once in 0.17", "0.17.0", `{"type": "map", "data": {"@k": {"a\"b\\c": 1}}}`,
			bpfjson.Message{Kind: bpfjson.Map, Maps: []bpfjson.MapValues{{Name: "@k", Entries: []bpfjson.Entry{{Key: `a"b\c`, Keyed: true, Value: json.Number("1")}}}}}},
		{"histogram with open ends", "0.23.2", `{"type": "hist", "data": {"@h": [{"max": -1, "count": 1}, {"min": 0, "max": 0, "count": 0}, {"min": 8, "count": 2}]}}`,
			bpfjson.Message{Kind: bpfjson.Hist, Maps: []bpfjson.MapValues{{Name: "@h", Entries: []bpfjson.Entry{{Buckets: []bpfjson.Bucket{
				{Max: num(-1), Count: 1}, {Min: num(0), Max: num(0)}, {Min: num(8), Count: 2}}}}}}}},
		{"keyed histogram", "0.23.2", `{"type": "hist", "data": {"@h": {"12,sh": [{"min": 2, "max": 3, "count": 1}]}}}`,
			bpfjson.Message{Kind: bpfjson.Hist, Maps: []bpfjson.MapValues{{Name: "@h", Entries: []bpfjson.Entry{{Key: "12,sh", Keyed: true,
				Buckets: []bpfjson.Bucket{{Min: num(2), Max: num(3), Count: 1}}}}}}}},
		{"histogram from 2^31 on in 0.17", "0.17.0", `{"type": "hist", "data": {"@h": [{"min": -2147483648, "max": 0, "count": 5}]}}`,
			bpfjson.Message{Kind: bpfjson.Hist, Maps: []bpfjson.MapValues{{Name: "@h", Entries: []bpfjson.Entry{{Buckets: []bpfjson.Bucket{{Min: num(1 << 31), Count: 5}}}}}}}},
		{"zeroed histogram", "0.23.2", `{"type": "hist", "data": {"@h": []}}`,
			bpfjson.Message{Kind: bpfjson.Hist, Maps: []bpfjson.MapValues{{Name: "@h", Entries: []bpfjson.Entry{{Buckets: []bpfjson.Bucket{}}}}}}},
		{"helper error", "0.23.2", `{"type": "helper_error", "msg": "Can't delete map element because it does not exist.", "helper": "map_delete_elem", "retcode": -2, "line": 27, "col": 2}`,
			bpfjson.Message{Kind: bpfjson.HelperError, Text: "map_delete_elem: Can't delete map element because it does not exist."}},
		{"type of later versions", "0.27.1", `{"type": "tseries", "data": {}}`, bpfjson.Message{Kind: "tseries"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, decode(t, tt.version, tt.line)[0])
		})
	}
}

// TestHexCounts replays what 0.27.1 printed after a control character.
func TestHexCounts(t *testing.T) {
	hist := `{"type": "hist", "data": {"@h": [{"min": 10,"max": 11,"count": 14}]}}`
	m := decode(t, "0.27.1", hist, `{"type": "value", "data": "tab\u0009"}`, hist,
		`{"type": "hist", "data": {"@h": [{"min": 10,"max": 11,"count": a}]}}`,
		`{"type": "lost_events", "count": 2a1805, "data": {"events": 2a1805}}`,
		`{"type": "value", "data": [10, "count"]}`)
	require.EqualValues(t, 14, m[0].Maps[0].Entries[0].Buckets[0].Count, "before the first escape")
	require.EqualValues(t, 20, m[2].Maps[0].Entries[0].Buckets[0].Count, "after it")
	require.EqualValues(t, 10, *m[2].Maps[0].Entries[0].Buckets[0].Min, "bounds stay decimal")
	require.EqualValues(t, 10, m[3].Maps[0].Entries[0].Buckets[0].Count)
	require.EqualValues(t, 2758661, m[4].Count)
	require.Equal(t, []any{json.Number("10"), "count"}, m[5].Value)

	within := decode(t, "0.24.0", `{"type": "hist", "data": {"@h": {"a": [{"min": 1,"max": 1,"count": 10}], "b\u0001": [{"min": 1,"max": 1,"count": 10}]}}}`)
	require.EqualValues(t, 10, within[0].Maps[0].Entries[0].Buckets[0].Count)
	require.EqualValues(t, 16, within[0].Maps[0].Entries[1].Buckets[0].Count, "the escape is in the line itself")

	older := decode(t, "0.23.2", `{"type": "value", "data": "\u0009"}`, hist)
	require.EqualValues(t, 14, older[1].Maps[0].Entries[0].Buckets[0].Count, "0.23 has no such fault")
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"cut off", `{"type": "value", "data": [1`, "unexpected end"},
		{"text of 0.17 without quotes", `{"type": "value", "data": 12:00:01}`, "invalid character"},
		{"no type", `{"data": 1}`, "no type"},
		{"no data", `{"type": "value"}`, "read data"},
		{"no count", `{"type": "lost_events", "data": {}}`, "read events"},
		{"negative count", `{"type": "attached_probes", "data": {"probes": -1}}`, "read probes"},
		{"map is a list", `{"type": "map", "data": [1]}`, "want an object"},
		{"bucket without count", `{"type": "hist", "data": {"@h": [{"min": 1}]}}`, "bucket without"},
		{"bucket without bounds", `{"type": "hist", "data": {"@h": {"k": [{"count": 1}]}}}`, `key "k"`},
		{"scalar histogram", `{"type": "hist", "data": {"@h": 1}}`, "map @h"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := new(bpfjson.Decoder).Decode([]byte(tt.line))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestNumbers(t *testing.T) {
	u, err := bpfjson.Uint64(json.Number("18446744073709551615"))
	require.NoError(t, err)
	require.EqualValues(t, uint64(18446744073709551615), u)
	i, err := bpfjson.Int64("-9007199254740993") // quoted from 0.24 on
	require.NoError(t, err)
	require.EqualValues(t, -9007199254740993, i)
	for _, bad := range []any{nil, true, "x", json.Number("1.5"), []any{}} {
		_, err := bpfjson.Int64(bad)
		require.Error(t, err)
	}
	_, err = bpfjson.Uint64(json.Number("-1"))
	require.Error(t, err)
}

func TestParseVersion(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"debian", "bpftrace v0.23.2\n", "0.23.2"},
		{"bare", "0.17", "0.17.0"},
		{"git", "bpftrace v0.24.0-42-gabcdef", "0.24.0"},
		{"words", "bpftrace unknown", ""},
		{"four", "1.2.3.4", ""},
		{"empty", "", ""},
		{"huge", "0.99999999", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := bpfjson.ParseVersion(tt.text)
			if tt.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, v.String())
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"type": "value", "data": [1,"caf\uffffffc3\uffffffa9",[2,3]]}`,
		`{"type": "hist", "data": {"@h": {"k\\\"": [{"min": 2, "max": 3, "count": 1}]}}}`,
		`{"type": "hist", "data": {"@h\u0001": [{"min": 2,"max": 3,"count": a}]}}`,
		`{"type": "lost_events", "count": 2a1805, "data": {"events": 2a1805}}`,
		`{"type": "map", "data": {"@": "9007199254740993"}}`, "", "text", `{"type": "x`, `{"count": "\`,
	} {
		f.Add(s, 23)
		f.Add(s, 27)
	}
	f.Fuzz(func(t *testing.T, s string, minor int) {
		d := bpfjson.NewDecoder(bpfjson.Version{Minor: minor})
		for line := range strings.SplitSeq(s, "\n") {
			m, err := d.Decode([]byte(line))
			require.True(t, err != nil || m.Kind != "", "a line is of some kind")
		}
	})
}
