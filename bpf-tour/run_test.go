package bpftour_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
	"namespaces-cgroups-ebpf/schemas"
)

func runFake(t *testing.T, recipe, version, body string, change func(*bpftour.Options)) (*bpftour.Result, error) {
	t.Helper()
	r := lookup(t, recipe)
	o := bpftour.Options{
		Recipe: r, Duration: 50 * time.Millisecond, Kernel: "6.12.0-test",
		Bpftrace: fakeBpftrace(t, version, body), Roots: fakeRoots(t, r),
	}
	if change != nil {
		change(&o)
	}
	result, err := bpftour.Run(t.Context(), o)
	if err == nil {
		data, err := json.Marshal(result)
		require.NoError(t, err)
		require.Empty(t, schemas.Validate(bpftour.SchemaName, data))
	}
	return result, err
}

const opens = `{"type": "value", "data": [16011716201,177,"grep",3,"/etc/ld.so.cache"]}
{"type": "value", "data": [16020680691,177,"grep",-2,"/caf\uffffffc3\uffffffa9"]}`

func TestRun(t *testing.T) {
	many := strings.Repeat(`{"type": "value", "data": [1,2,"c",3,"p"]}`+"\n", 20)
	tests := []struct {
		name, recipe, version, attached, end string
		events, histograms                   int
		incomplete                           []string
		warning                              string
	}{
		{"events of 0.23", "opensnoop", "0.23.2", attachedLines + "\n" + opens, "\n\n", 2, 0, nil, ""},
		{"events of 0.27", "opensnoop", "0.27.1", "__BPFTRACE_NOTIFY_PROBES_ATTACHED\n" + `{"type": "attached_probes", "count": 1, "data": {"probes": 1}}` + "\n" + opens, "", 2, 0, nil, ""},
		{"nothing seen", "opensnoop", "0.23.2", attachedLines, "", 0, 0, nil, ""},
		{"event of another shape", "opensnoop", "0.23.2", attachedLines + "\n" + `{"type": "value", "data": [1]}`, "", 0, 0, []string{"malformed_output"}, "tuple of 5"},
		{"event of another type", "opensnoop", "0.23.2", attachedLines + "\n" + `{"type": "value", "data": [1,2,3,4,5]}`, "", 0, 0, []string{"malformed_output"}, "column comm"},
		{"broken line", "opensnoop", "0.23.2", attachedLines + "\n" + opens + "\n{\"type", "", 2, 0, []string{"malformed_output"}, "decode bpftrace line"},
		{"lost", "opensnoop", "0.23.2", attachedLines + "\n" + `{"type": "lost_events", "data": {"events": 3}}`, "", 0, 0, []string{"lost_events"}, ""},
		{"too many", "opensnoop", "0.23.2", attachedLines + "\n" + many, "", 10, 0, []string{"event_limit"}, ""},
		{"two cpus made one key", "opensnoop", "0.23.2", attachedLines + "\n" + `{"type": "helper_error", "msg": "File exists", "helper": "map_update_elem"}`, "", 0, 0, []string{"lost_events"}, "File exists"},
		{"map full", "opensnoop", "0.23.2", attachedLines + "\n" + `{"type": "helper_error", "msg": "Map full", "helper": "map_update_elem"}`, "", 0, 0, []string{"bpf_errors"}, "Map full"},
		{"plain text", "opensnoop", "0.23.2", attachedLines + "\nhello", "", 0, 0, nil, "bpftrace said: hello"},
		{"histogram", "readsize", "0.23.2", attachedLines, `{"type": "hist", "data": {"@size": {"12,a,b": [{"min": 2, "max": 3, "count": 1}], "13,sh": [{"min": 2, "max": 3, "count": 4}]}}}`, 0, 2, nil, ""},
		{"twin keys of 0.23", "readsize", "0.23.2", attachedLines, `{"type": "hist", "data": {"@size": {"12,a": [{"min": 2, "max": 3, "count": 1}, {"min": 4, "max": 7, "count": 2}], "12,a": [{"min": 1, "max": 1, "count": 8}, {"min": 2, "max": 3, "count": 4}]}}}`, 0, 1, nil, "added up"},
		{"twin keys of 0.27", "readsize", "0.27.1", attachedLines, `{"type": "hist", "data": {"@size": {"12,a": [{"min": 2, "max": 3, "count": 1}, {"min": 4, "max": 7, "count": 2}], "12,a": [{"min": 1, "max": 1, "count": 8}, {"min": 2, "max": 3, "count": 4}]}}}`, 0, 1, []string{"ambiguous_keys"}, "added up"},
		{"key of another shape", "readsize", "0.23.2", attachedLines, `{"type": "hist", "data": {"@size": {"a": [{"min": 2, "max": 3, "count": 1}]}}}`, 0, 0, []string{"malformed_output"}, "want 2 parts"},
		{"unknown map", "readsize", "0.23.2", attachedLines, `{"type": "hist", "data": {"@x": [{"min": 2, "max": 3, "count": 1}]}}`, 0, 0, []string{"malformed_output"}, "@x is not declared"},
		{"hexadecimal counts of 0.27", "runqlat", "0.27.1", attachedLines, `{"type": "hist", "data": {"@wait": {"a\u0001": [{"min": 2,"max": 3,"count": 10}]}}}`, 0, 1, nil, "deletes spaces"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ready uint64
			r, err := runFake(t, tt.recipe, tt.version, replay(tt.attached, tt.end), func(o *bpftour.Options) {
				o.MaxEvents, o.Ready = 10, func(n uint64) { ready = n }
			})
			require.NoError(t, err)
			require.EqualValues(t, 1, ready)
			require.Len(t, r.Events, tt.events)
			require.Len(t, r.Histograms, tt.histograms)
			require.ElementsMatch(t, tt.incomplete, r.Incomplete)
			require.Equal(t, len(tt.incomplete) == 0, r.Complete)
			require.Equal(t, tt.events+tt.histograms == 0, r.Empty)
			require.Equal(t, bpftour.EndedByDuration, r.EndedBy)
			require.GreaterOrEqual(t, r.DurationNS, (50 * time.Millisecond).Nanoseconds())
			require.Contains(t, strings.Join(r.Warnings, "\n"), tt.warning)
		})
	}
}

func TestRunValues(t *testing.T) {
	r, err := runFake(t, "opensnoop", "0.23.2", replay(attachedLines+"\n"+opens, ""), nil)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"time_ns": uint64(16020680691), "pid": uint64(177), "comm": "grep", "ret": int64(-2), "path": "/café"}, r.Events[1])

	r, err = runFake(t, "execsnoop", "0.23.2", replay(attachedLines+"\n"+
		`{"type": "value", "data": [1,2,1,"ls",3,["ls","","b","","","","",""]]}`, ""), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"ls", "", "b"}, r.Events[0]["argv"])

	r, err = runFake(t, "readsize", "0.23.2", replay(attachedLines, `{"type": "hist", "data": {"@size": {"12,a,\\\"b": [{"min": 2, "max": 3, "count": 1}]}}}`), nil)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"pid": uint64(12), "comm": `a,"b`}, r.Histograms[0].Key)
	require.NotEmpty(t, r.StartedAt)
	require.Equal(t, map[string]any{"min_bytes": int64(2), "max_bytes": int64(3), "sample_count": uint64(1)}, r.Histograms[0].Buckets[0])
}

func TestRunAddsTwins(t *testing.T) {
	r, err := runFake(t, "readsize", "0.23.2", replay(attachedLines, `{"type": "hist", "data": {"@size": {"12,a": [{"min": 2, "max": 3, "count": 1}, {"min": 4, "max": 7, "count": 2}], "12,a": [{"min": 1, "max": 1, "count": 8}, {"min": 2, "max": 3, "count": 4}]}}}`), nil)
	require.NoError(t, err)
	require.EqualValues(t, 15, r.Histograms[0].SampleCount)
	var counts []any
	for _, b := range r.Histograms[0].Buckets {
		counts = append(counts, b["min_bytes"], b["sample_count"])
	}
	require.Equal(t, []any{int64(1), uint64(8), int64(2), uint64(5), int64(4), uint64(2)}, counts)
}

func TestRunWarns(t *testing.T) {
	r, err := runFake(t, "opensnoop", "0.17.0", "echo \"ERROR: couldn't set RLIMIT_MEMLOCK\" >&2; echo __BPFTRACE_NOTIFY_PROBES_ATTACHED >&2\n"+
		replay(`{"type": "attached_probes", "data": {"probes": 1}}`, ""), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"ERROR: couldn't set RLIMIT_MEMLOCK"}, r.Warnings, "and not the notification, which 0.17 prints there")
	require.True(t, r.Complete)
}

func TestRunErrors(t *testing.T) {
	tests := []struct {
		name, version, body, want string
		unsupported               bool
		change                    func(*bpftour.Options)
	}{
		{"too old", "0.11.3", "", "too old", true, nil},
		{"compile error", "0.23.2", "echo '\033[31mERROR: Unknown function: foo\033[0m' >&2; exit 1", "exit status 1: ERROR: Unknown function: foo", false, nil},
		{"not root", "0.23.2", "echo 'ERROR: bpftrace currently only supports running as the root user.' >&2; exit 1", "root user", true, nil},
		{"attach error after its count", "0.23.2", `echo '{"type": "attached_probes", "data": {"probes": 1}}'; echo 'ERROR: Error attaching probe: kprobe:nosuch' >&2; exit 255`, "kprobe:nosuch", true, nil},
		{"ends without a word", "0.23.2", "exit 0", "ended before its probes were attached: (it said nothing)", false, nil},
		{"no probes", "0.23.2", "echo No probes to attach", "No probes to attach", false, nil},
		{"crash after attaching", "0.23.2", "cat <<E\n" + attachedLines + "\nE\nkill -SEGV $$", "segmentation fault", false, nil},
		{"never attaches", "0.23.2", "echo still compiling >&2; exec sleep 60", "within 100ms: bpftrace said: still compiling", false,
			func(o *bpftour.Options) { o.AttachTimeout = 100 * time.Millisecond }},
		{"missing", "0.23.2", "", "install the package bpftrace", true, func(o *bpftour.Options) { o.Bpftrace = "/nonexistent/bpftrace" }},
		{"no tracefs", "0.23.2", "", "mount -t tracefs", true, func(o *bpftour.Options) { o.Roots.Tracing = o.Roots.Tracing[:1] }},
		{"no tracepoint", "0.23.2", "", "needs tracepoint:sched:sched_process_exec", true, func(o *bpftour.Options) {
			_ = os.Remove(filepath.Join(o.Roots.Tracing[1], "events/sched/sched_process_exec/id"))
		}},
		{"no BTF", "0.23.2", "", "CONFIG_DEBUG_INFO_BTF", true, func(o *bpftour.Options) { _ = os.Remove(o.Roots.BTF) }},
		{"stopped too early", "0.23.2", "exec sleep 60", "stopped before", false, func(o *bpftour.Options) {
			stop := make(chan struct{})
			close(stop)
			o.Stop = stop
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := runFake(t, "execsnoop", tt.version, tt.body, tt.change)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "\x1b")
			if tt.unsupported {
				require.ErrorIs(t, err, bpftour.ErrUnsupported)
			} else {
				require.NotErrorIs(t, err, bpftour.ErrUnsupported)
			}
		})
	}
}

func TestRunEndedEarly(t *testing.T) {
	stop := make(chan struct{})
	r, err := runFake(t, "opensnoop", "0.23.2", replay(attachedLines, opens), func(o *bpftour.Options) {
		o.Duration, o.Stop, o.Ready = time.Hour, stop, func(uint64) { close(stop) }
	})
	require.NoError(t, err)
	require.Equal(t, bpftour.EndedByStop, r.EndedBy)
	require.Len(t, r.Events, 2, "what is printed after SIGINT counts")

	r, err = runFake(t, "opensnoop", "0.23.2", "cat <<'E'\n"+attachedLines+"\nE", func(o *bpftour.Options) { o.Duration = time.Hour })
	require.NoError(t, err)
	require.Equal(t, bpftour.EndedByBpftrace, r.EndedBy)
}

func TestRunCancelled(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	recipe := lookup(t, "opensnoop")
	_, err := bpftour.Run(ctx, bpftour.Options{
		Recipe: recipe, Duration: time.Hour, Roots: fakeRoots(t, recipe),
		Bpftrace: fakeBpftrace(t, "0.23.2", "trap '' INT TERM; echo $$ > "+pidFile+"\n"+replay(attachedLines, "")),
		Ready:    func(uint64) { cancel() },
	})
	require.ErrorIs(t, err, context.Canceled)
	pid, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	require.NoDirExists(t, "/proc/"+strings.TrimSpace(string(pid)), "bpftrace is left")
}
