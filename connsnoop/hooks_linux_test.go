package connsnoop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
)

// typesWith are a kernel's types as far as hooksOf looks at them.
func typesWith(t *testing.T, names ...string) *btf.Spec {
	builder, err := btf.NewBuilder(nil, nil)
	require.NoError(t, err)
	for _, name := range append(names, "sock") {
		_, err := builder.Add(&btf.Struct{Name: name, Size: 8})
		require.NoError(t, err)
	}
	spec, err := builder.Spec()
	require.NoError(t, err)
	return spec
}

// TestHooksOf names each kernel's programs in the order in which they are attached.
func TestHooksOf(t *testing.T) {
	courses := "raw_set_state raw_set_state_again kprobe_close kretprobe_accept" +
		" kretprobe_v4_connect kretprobe_v6_connect kprobe_v4_connect kprobe_v6_connect"
	connects := " fentry_syn fexit_v4_connect fexit_v6_connect fentry_v4_connect fentry_v6_connect"
	tests := []struct {
		name    string
		backend Backend
		types   []string
		want    string
	}{
		{"fentry up to 6.9", BackendFentry, nil, "btf_set_state btf_set_state_again fentry_close fexit_accept4" + connects},
		{"fentry since 6.10", BackendFentry, []string{"proto_accept_arg"}, "btf_set_state btf_set_state_again fentry_close fexit_accept2" + connects},
		{"kprobe", BackendKprobe, nil, courses},
		{"kprobe-multi", BackendKprobeMulti, nil, strings.Replace(courses, "accept", "accept kprobe_syn", 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hooks := hooksOf(tt.backend, typesWith(t, tt.types...), false)
			require.Equal(t, tt.want, strings.Join(programsOf(hooks), " "))
		})
	}
}

func programsOf(hooks []hook) (names []string) {
	for _, h := range hooks {
		names = append(names, h.program)
	}
	return names
}

// TestHooksOfPreemptible has programs that a task may interrupt attached
// several times, and the first so that it is the first to run.
func TestHooksOfPreemptible(t *testing.T) {
	times := map[string]int{"btf_set_state": 6, "raw_set_state": 6, "fentry_close": 4, "fexit_accept4": 4,
		"fentry_v4_connect": 2, "fexit_v4_connect": 2, "fentry_v6_connect": 2, "fexit_v6_connect": 2}
	for _, backend := range order {
		t.Run(string(backend), func(t *testing.T) {
			at := map[string][]string{}
			for _, h := range hooksOf(backend, typesWith(t), true) {
				program := strings.TrimSuffix(sourceName(h.program), "_again")
				at[program] = append(at[program], h.program)
			}
			for program, list := range at {
				require.Len(t, list, max(times[program], 1), program)
				first := list[0]
				if !strings.HasSuffix(program, "_set_state") {
					first = list[len(list)-1]
				}
				require.Equal(t, program, first)
			}
		})
	}
}

// TestKeepOnly loads each hook's program, and one that is there several times
// as often.
func TestKeepOnly(t *testing.T) {
	for _, backend := range order {
		spec, err := loadProbes()
		require.NoError(t, err)
		hooks := hooksOf(backend, typesWith(t), true)
		keepOnly(spec, backend, hooks, true)
		require.Len(t, spec.Programs, len(hooks)+1)
		for _, h := range hooks {
			require.Equal(t, sourceName(h.program), spec.Programs[h.program].Name)
		}
	}
}

func TestPreempts(t *testing.T) {
	const dynamic = "Linux version x #1 SMP PREEMPT_DYNAMIC Debian"
	tests := []struct {
		name, mode, build, cmdline, release string
		want                                bool
	}{
		{"it says voluntary", "none (voluntary) full", dynamic, "", "7.2.1", false},
		{"it says none", "(none) voluntary full", dynamic, "", "6.12.1", false},
		{"it says full", "none voluntary (full) ", dynamic, "", "6.1.0", true},
		{"it says lazy", "full (lazy)", dynamic, "", "7.2.1", true},
		{"built without", "", "Linux version x #1 SMP Debian", "preempt=full", "5.10.0", false},
		{"built for nothing else", "", "Linux version x #1 SMP PREEMPT Thu", "preempt=none", "5.10.0", true},
		{"built for real time", "", "Linux version x #1 SMP PREEMPT_RT Thu", "", "6.1.0", true},
		{"booted with full", "", dynamic, "quiet preempt=full", "6.1.0", true},
		{"booted with lazy", "", dynamic, "preempt=lazy", "6.12.0", true},
		{"booted with the last", "", dynamic, "preempt=full preempt=none", "7.0.0", false},
		{"the default of old", "", dynamic, "quiet", "6.12.9", false},
		{"the default since", "", dynamic, "quiet", "6.13.0", true},
		{"not known", "", dynamic, "quiet", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range map[string]string{
				"sys/kernel/debug/sched/preempt": tt.mode, "proc/version": tt.build,
				"proc/cmdline": tt.cmdline, "proc/sys/kernel/osrelease": tt.release,
			} {
				file := filepath.Join(root, path)
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				require.NoError(t, os.WriteFile(file, fmt.Appendln(nil, text), 0o600))
			}
			require.Equal(t, tt.want, machine(root).preempts())
		})
	}
}

// needs is what the README says of each backend besides its hooks.
var needs = map[Backend]string{
	BackendFentry:      "5.10, BTF",
	BackendKprobeMulti: "5.18, CONFIG_FPROBE",
	BackendKprobe:      "5.10; `kernel.perf_event_paranoid` <= 2 or CAP_SYS_ADMIN",
}

// TestHooksInTheReadme: its table is that of the code. -update writes it.
func TestHooksInTheReadme(t *testing.T) {
	spec, err := loadProbes()
	require.NoError(t, err)
	table := "| backend | hooks | needs |\n|---|---|---|\n"
	for _, backend := range order {
		var kinds []string
		functions := map[string][]string{}
		for _, h := range hookSets[backend] {
			kind, _, _ := strings.Cut(spec.Programs[h.program].SectionName, "/")
			if backend == BackendKprobeMulti {
				kind = strings.Replace(kind, "probe", "probe.multi", 1)
			}
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
			if !slices.Contains(functions[kind], h.target) {
				functions[kind] = append(functions[kind], h.target)
			}
		}
		var cells []string
		for _, kind := range kinds {
			cells = append(cells, kind+" "+strings.Join(functions[kind], " "))
		}
		table += fmt.Sprintf("| `%s` | %s | %s |\n", backend, strings.Join(cells, "; "), needs[backend])
	}
	requireInDocs(t, "README.md", "hooks", table)
}
