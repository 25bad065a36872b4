package plan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

const good = `{"schema":"vm-plan/v1","deliverable":"connsnoop","entries":[
 {"id":"tcp4","argv":["connsnoop.test","-test.run=^TestTCP4$","-test.v=test2json"],
  "result":"gotest","timeout_ns":20000000000,"tier":"default",
  "needs":{"features":["cgroup.kill"],"modules":["veth"],"init":"guest","root":true,"image":"base"},
  "kernels":[],"artifacts":[{"path":"a/events.jsonl","schema":"schema-list/v1"}]},
 {"id":"live","argv":["connsnoop"],"result":"exit","timeout_ns":1000000,"tier":"full",
  "needs":{"features":[],"modules":[],"init":"systemd","root":false,"image":"peers"},
  "kernels":["6.1","7"],"artifacts":[{"path":"-","schema":"schema-list/v1"},{"path":"run.json","schema":"schema-list/v1"}]}]}`

func TestParse(t *testing.T) {
	p, err := plan.Parse("connsnoop", []byte(good))
	require.NoError(t, err)
	require.Len(t, p.Entries, 2)
	first, second := p.Entries[0], p.Entries[1]
	require.Equal(t, plan.Stdout, second.Artifacts[0].Path)
	require.Equal(t, "connsnoop/tcp4", first.FullID())
	require.Equal(t, 20*time.Second, first.Timeout())
	require.True(t, first.Needs.Root)
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, old, new string // what to replace in the good plan
		want           string
	}{
		{"not JSON", `{"schema"`, `{schema`, "connsnoop/vmtest.json: (root)  json  "},
		{"other schema", "vm-plan/v1", "vm-plan/v2", "/schema  const"},
		{"unknown property", `"root":true`, `"root":true,"cpus":4`, "/entries/0/needs  additionalProperties"},
		{"other folder", `"deliverable":"connsnoop"`, `"deliverable":"bpf-tour"`, `deliverable is "bpf-tour" in folder "connsnoop"`},
		{"id twice", `"id":"live"`, `"id":"tcp4"`, "entry tcp4 is there twice"},
		{"other program", "connsnoop.test", "bpf-tour.test", `entry tcp4: argv[0] is "bpf-tour.test", want "connsnoop.test"`},
		{"no test2json", "-test.v=test2json", "-test.v", "argv has no -test.v=test2json"},
		{"no test.run", "-test.run=", "-test.skip=", "0 -test.run=PATTERN"},
		{"test.run in two words", "-test.run=^TestTCP4$", `-test.run","^TestTCP4$`, "0 -test.run=PATTERN"},
		{"two test.run", "-test.run=^TestTCP4$", `-test.run=A","-test.run=B`, "2 -test.run=PATTERN"},
		{"empty test.run", "-test.run=^TestTCP4$", "-test.run=", "-test.run names no test"},
		{"bad test.run", "^TestTCP4$", "^Test(TCP4$", "missing closing"},
		{"NUL in argument", "TestTCP4", "\\u0000", "/entries/0/argv/1  pattern"},
		{"unknown feature", "cgroup.kill", "warp-drive", `entry tcp4: unknown kernel feature "warp-drive"`},
		{"unknown schema", `"a/events.jsonl","schema":"schema-list/v1"`, `"a/events.jsonl","schema":"nosuch/v1"`, `artifact a/events.jsonl: no schema called "nosuch/v1"`},
		{"artifact twice", `"path":"run.json"`, `"path":"-"`, "artifact - is there twice"},
		{"artifact outside", "a/events.jsonl", "a/../../b.jsonl", "no clean path below VMTEST_OUT"},
		{"artifact path not clean", "a/events.jsonl", "a//b.jsonl", "no clean path below VMTEST_OUT"},
		{"stdout of a Go test", `"a/events.jsonl"`, `"-"`, "which a gotest writes its results to"},
		{"timeout is no int64", "20000000000", "2e10", "timeout_ns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, good, tt.old)
			_, err := plan.Parse("connsnoop", []byte(strings.Replace(good, tt.old, tt.new, 1)))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestLoad(t *testing.T) {
	other := strings.ReplaceAll(good, "connsnoop", "bpf-tour")
	fsys := fstest.MapFS{
		"connsnoop/vmtest.json":          {Data: []byte(good)},
		"bpf-tour/vmtest.json":           {Data: []byte(other)},
		"bpf-tour/testdata/vmtest.json":  {Data: []byte("no plan")},
		"vmtest.json":                    {Data: []byte("no plan")},
		"mini-container/other/README.md": {},
	}
	plans, err := plan.Load(fsys)
	require.NoError(t, err)
	require.Len(t, plans, 2)
	require.Equal(t, "bpf-tour", plans[0].Deliverable)
	require.Equal(t, "bpf-tour/tcp4", plans[0].Entries[0].FullID())

	fsys["bpf-tour/vmtest.json"] = &fstest.MapFile{Data: []byte(good)}
	fsys["connsnoop/vmtest.json"] = &fstest.MapFile{Data: []byte("{}")}
	fsys["x/vmtest.json/file"] = &fstest.MapFile{}
	_, err = plan.Load(fsys)
	for _, want := range []string{"bpf-tour/vmtest.json: deliverable is", "connsnoop/vmtest.json: (root)  required", "x/vmtest.json"} {
		require.ErrorContains(t, err, want)
	}

	_, err = plan.Load(fstest.MapFS{})
	require.EqualError(t, err, "find plans: no */vmtest.json")
}

func FuzzParse(f *testing.F) {
	f.Add("connsnoop", []byte(good))
	f.Add("connsnoop", []byte(strings.Replace(good, "20000000000", "1e999999999", 1)))
	f.Add("", []byte(`{"schema":"vm-plan/v1"}`))
	f.Fuzz(func(t *testing.T, folder string, data []byte) {
		p, err := plan.Parse(folder, data)
		if err != nil {
			return
		}
		require.Equal(t, folder, p.Deliverable)
		for _, e := range p.Entries {
			require.Positive(t, e.Timeout())
			require.NotEmpty(t, e.Argv[0])
		}
		again, err := json.Marshal(p)
		require.NoError(t, err)
		q, err := plan.Parse(folder, again)
		require.NoError(t, err)
		require.Equal(t, p, q)
	})
}
