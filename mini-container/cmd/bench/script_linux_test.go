package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script is ci/bench-mini-container.sh in a tree where what it calls only
// writes down how, and ends as the environment says.
type script struct {
	dir string
	cmd *exec.Cmd
}

func newScript(t *testing.T, args ...string) *script {
	t.Helper()
	bash, err := exec.LookPath("bash")
	require.NoError(t, err, "the script needs bash, as ci/ does")
	text, err := os.ReadFile("../../../ci/bench-mini-container.sh")
	require.NoError(t, err)
	s := &script{dir: t.TempDir()}
	s.write(t, "ci/script.sh", string(text))
	const calls = "#!/bin/bash\necho \"${0##*/} $*\" >>calls\n"
	const waits = "[ \"$WAIT\" != \"${0##*/}\" ] || { trap 'exit 3' TERM INT; sleep 60 & wait; }\n"
	s.write(t, "bin/bench-mini-container", calls+waits+"exit ${HOST:-0}\n")
	s.write(t, "bin/vmtest", calls+waits+"exit ${GUEST:-0}\n")
	s.write(t, "bin/schemas", calls+"exit ${VALID:-0}\n")
	s.write(t, "out/bench/mini-container.json", "old")
	s.cmd = exec.Command(bash, append([]string{filepath.Join(s.dir, "ci/script.sh")}, args...)...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	t.Cleanup(func() { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
	return s
}

func (s *script) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
}

// called lists the programs that were, in order.
func (s *script) called() (names []string, all string) {
	text, _ := os.ReadFile(filepath.Join(s.dir, "calls"))
	for line := range strings.Lines(string(text)) {
		names = append(names, strings.Fields(line)[0])
	}
	return names, string(text)
}

func TestScript(t *testing.T) {
	both := []string{"bench-mini-container", "schemas", "vmtest", "schemas"}
	for name, tt := range map[string]struct {
		env  string
		code int
		want []string
	}{
		"met":                   {"", 0, both},
		"missed here":           {"HOST=1", 1, both},
		"missed there":          {"GUEST=1", 1, both},
		"not measured here":     {"HOST=3", 3, []string{"bench-mini-container", "vmtest", "schemas"}},
		"missed, then not":      {"HOST=1 GUEST=3", 1, []string{"bench-mini-container", "schemas", "vmtest"}},
		"not measured, missed":  {"HOST=3 GUEST=1", 1, []string{"bench-mini-container", "vmtest", "schemas"}},
		"wrong usage":           {"HOST=2", 2, []string{"bench-mini-container"}},
		"no guest":              {"GUEST=128", 128, []string{"bench-mini-container", "schemas", "vmtest"}},
		"a report that is none": {"VALID=1", 1, []string{"bench-mini-container", "schemas"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, "-n", "3")
			s.cmd.Env = append(os.Environ(), strings.Fields(tt.env)...)
			_ = s.cmd.Run()
			require.Equal(t, tt.code, s.cmd.ProcessState.ExitCode())
			names, all := s.called()
			require.Equal(t, tt.want, names)
			require.Contains(t, all, "mini-container.json -n 3\n")
			require.NoFileExists(t, filepath.Join(s.dir, "out/bench/mini-container.json"), "an old report passes for a new one")
			if len(names) > 1 && names[len(names)-1] != "bench-mini-container" && tt.env != "VALID=1" {
				require.Regexp(t, `vmtest exec .*--memory [1-9][0-9]*G .*--confined .* -n 3\n`, all)
			}
		})
	}
}

// TestScriptStops: after a signal that reaches the script alone, what runs is
// told and nothing else begins.
func TestScriptStops(t *testing.T) {
	for _, half := range []string{"bench-mini-container", "vmtest"} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			t.Run(half+" "+sig.String(), func(t *testing.T) {
				s := newScript(t)
				s.cmd.Env = append(os.Environ(), "WAIT="+half)
				require.NoError(t, s.cmd.Start())
				require.Eventually(t, func() bool { names, _ := s.called(); return len(names) > 0 && names[len(names)-1] == half },
					time.Minute, 5*time.Millisecond)
				time.Sleep(20 * time.Millisecond) // for its trap
				require.NoError(t, s.cmd.Process.Signal(sig))
				_ = s.cmd.Wait()
				require.Equal(t, 3, s.cmd.ProcessState.ExitCode())
				names, _ := s.called()
				require.Equal(t, half, names[len(names)-1], "something began after the signal")
			})
		}
	}
}
