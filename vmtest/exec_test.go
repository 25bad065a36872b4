package vmtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
)

// TestExecRefuses: what is wrong with a command is found before anything else.
func TestExecRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	tests := []struct {
		name   string
		config ExecConfig
		want   string
	}{
		{"no kernel", ExecConfig{Argv: []string{"true"}}, "no kernel named"},
		{"no command", ExecConfig{Kernels: []string{"6.12"}}, "no command named"},
		{"kernel twice", ExecConfig{Kernels: []string{"6.12", "6.1", "6.12"}, Argv: []string{"true"}}, "kernel 6.12 named twice"},
		{"relative directory", ExecConfig{Kernels: []string{"6.12"}, Argv: []string{"true"}, Dir: "x"}, "working directory x is not absolute"},
		{"relative get", ExecConfig{Kernels: []string{"6.12"}, Argv: []string{"true"}, Gets: []ExecGet{{"x", "."}}}, "get x: want an absolute path"},
		{"get to nowhere", ExecConfig{Kernels: []string{"6.12"}, Argv: []string{"true"}, Gets: []ExecGet{{"/x", ""}}}, "a directory of the host"},
		{"two on a terminal", ExecConfig{Kernels: []string{"6.12", "6.1"}, Argv: []string{"true"}, Terminal: &Terminal{}}, "one kernel at a time"},
		{"no such program", ExecConfig{Kernels: []string{"6.12"}, Argv: []string{"./none"}}, "none: no such file"},
		{"bad environment", ExecConfig{Kernels: []string{"6.12"}, Argv: []string{"true"}, Env: []string{"=x"}}, `environment "=x"`},
		{"no such module", ExecConfig{Kernels: []string{"6.12"}, Argv: []string{"true"}, Modules: []string{"./none.ko"}}, "load module ./none.ko: "},
		{"bad mount", ExecConfig{Kernels: []string{"6.12"}, Argv: []string{"true"}, Config: Config{Mounts: []Mount{{Source: "none"}}}}, "none: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result, err := Exec(t.Context(), tt.config)
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, exitcode.Usage, exitcode.Of(err))
			require.Empty(t, result.Schema)
		})
	}
}

func TestExecEnv(t *testing.T) {
	for _, name := range PassedEnv {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
	t.Setenv("GODEBUG", "x=1")
	t.Setenv("SECRET", "hidden")
	t.Setenv("WANTED", "seen")
	base := []string{"PATH=" + guestPath, "HOME=/root", "TMPDIR=/tmp", "LANG=C.UTF-8", "VMTEST=1", "PWD=/src", "GODEBUG=x=1"}
	env, err := execEnv("/src", nil)
	require.NoError(t, err)
	require.Equal(t, base, env)
	env, err = execEnv("/src", []string{"WANTED", "NOT_SET_ANYWHERE", "A=b=c", "EMPTY=", "GODEBUG=y=2"})
	require.NoError(t, err)
	require.Equal(t, append(base[:6:6], "WANTED=seen", "A=b=c", "EMPTY=", "GODEBUG=y=2"), env)
	require.Equal(t, "b=c", getenv(env, "A"))
	require.Empty(t, getenv(env, "SECRET"))
	_, err = execEnv("/", []string{"A=\x00"})
	require.ErrorContains(t, err, "want KEY=value or KEY")
}

// TestExecCode: the guest's own code, if it got to give one; the first of
// several that is not 0.
func TestExecCode(t *testing.T) {
	code := func(n int) *int { return &n }
	tests := []struct {
		name   string
		result ExecResult
		want   int
	}{
		{"pass", ExecResult{Outcome: report.Pass, ExitCode: code(0)}, 0},
		{"fail", ExecResult{Outcome: report.Fail, ExitCode: code(3)}, 3},
		{"not started", ExecResult{Outcome: report.Fail, ExitCode: code(127)}, 127},
		{"timeout", ExecResult{Outcome: report.Timeout, ExitCode: code(0)}, 124},
		{"splat", ExecResult{Outcome: report.Splat, ExitCode: code(0)}, 1},
		{"splat and status", ExecResult{Outcome: report.Splat, ExitCode: code(9)}, 9},
		{"panic", ExecResult{Outcome: report.Panic}, 1},
		{"lost", ExecResult{Outcome: report.Lost}, 128},
		{"infra", ExecResult{Outcome: report.Infra, ExitCode: code(0)}, 128},
		{"unavailable", ExecResult{Outcome: report.Unavailable}, 128},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, tt.result.code())
			e := execution{ExecConfig: ExecConfig{Argv: []string{"/bin/x"}}, results: []ExecResult{
				{Outcome: report.Pass}, tt.result, {Outcome: report.Fail, ExitCode: code(77)},
			}}
			want := tt.want
			if want == 0 {
				want = 77
			}
			require.Equal(t, want, e.report().ExitCode)
		})
	}
}

// TestExecReportIsValid: also for what never ran, and names no directory of
// this machine.
func TestExecReportIsValid(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Chdir(home)
	e, err := newExecution(ExecConfig{Kernels: []string{"6.12", home + "/a/bzImage,modules=" + home, "deb:../x.deb"}, Argv: []string{"/bin/sh"}})
	require.NoError(t, err)
	e.results[0].Reason = "open " + home + "/x\xff: " + strings.Repeat("no ", maxReason)
	r := e.report()
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(ExecSchema, data), string(data))
	require.NotContains(t, string(data), home)
	require.Equal(t, exitcode.Harness, r.ExitCode)
	require.Equal(t, "x.deb", r.Results[2].Kernel)
}

func TestShortName(t *testing.T) {
	for spec, want := range map[string]string{
		"6.12": "6.12", "/boot/vmlinuz-7.1+x": "vmlinuz-7.1+x", "..": "kernel", "a b/c:d é": "c-d--", "host": "host",
		"https://h/k#sha256=0": "k-sha256-0", strings.Repeat("x", 99): strings.Repeat("x", 60),
	} {
		require.Equal(t, want, shortName(spec), spec)
	}
	e := execution{names: map[string]int{}}
	require.Equal(t, "bzImage", e.nameResult(0, "bzImage"))
	require.Equal(t, "bzImage", e.nameResult(0, "bzImage"))
	require.Equal(t, "bzImage-2", e.nameResult(1, "bzImage"))
}

// TestLocate: where a command runs, and what it takes along.
func TestLocate(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir+"/sub", 0o755))
	require.NoError(t, os.WriteFile(dir+"/tool", []byte("#!/bin/sh\n"), 0o755))
	t.Chdir(dir + "/sub")
	t.Setenv("GOCOVERDIR", dir+"/cover")
	locate := func(c ExecConfig) *execution {
		c.Kernels = []string{"6.12"}
		e, err := newExecution(c)
		require.NoError(t, err)
		return e
	}
	plain := locate(ExecConfig{Argv: []string{"../tool", "a"}})
	require.Equal(t, []string{dir + "/tool", "a"}, plain.Argv)
	require.Equal(t, "/", plain.Dir)
	require.Equal(t, []execOutput{{path: dir + "/cover", tree: true}}, plain.outputs)
	require.Equal(t, []Mount{{Target: dir + "/cover"}}, plain.Mounts)
	require.False(t, plain.mounted(dir+"/cover"), "nothing of the host is there")

	mounted := locate(ExecConfig{Argv: []string{"tool"}, Config: Config{Mounts: []Mount{{Source: ".."}, {Source: "..", Target: "/opt"}}}})
	require.Equal(t, []string{"tool"}, mounted.Argv, "the guest's")
	require.Equal(t, dir+"/sub", mounted.Dir)
	require.Equal(t, "../sub/x", mounted.hostPath("/opt/sub/x"))
	require.True(t, mounted.brings("/opt/tool"))
	require.False(t, mounted.brings("/opt/none"))
	require.False(t, mounted.brings("/elsewhere"))

	require.Equal(t, "/x", locate(ExecConfig{Argv: []string{"tool"}, Dir: "/x"}).Dir)

	modules := []string{"veth", "../tool"}
	loaded := locate(ExecConfig{Argv: []string{"tool"}, Modules: modules})
	require.Equal(t, []string{"veth", "/run/vmtest-modules/tool"}, loaded.Modules)
	require.Equal(t, "/run/vmtest-modules/tool", loaded.Mounts[0].Target)
	require.Equal(t, "../tool", modules[1], "the caller's own")
}
