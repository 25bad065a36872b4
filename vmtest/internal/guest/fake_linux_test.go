package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recorder is a kernel that writes down what process 1 asks of it and does
// nothing: in particular it never kills, since tests run on somebody's machine.
type recorder struct {
	calls  []string
	refuse map[string]error
	// procRoot is a fake /proc, childless what Childless says.
	procRoot  string
	childless bool
	programs  []uint32
}

func (r *recorder) note(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	r.calls = append(r.calls, call)
	return r.refuse[call]
}

func (r *recorder) Mount(source, target, fstype string, flags uintptr, data string) error {
	return r.note("mount %s %s %s %#x %s", source, target, fstype, flags, data)
}
func (r *recorder) Unmount(target string) error { return r.note("unmount %s", target) }
func (r *recorder) SwitchRoot(dir string) error { return r.note("switch %s", dir) }
func (r *recorder) Exec(path string, argv, env []string) error {
	return r.note("exec %s %v %v", path, argv, env)
}
func (r *recorder) LoadModule(path string) error     { return r.note("load %s", filepath.Base(path)) }
func (r *recorder) Sethostname(name string) error    { return r.note("hostname %s", name) }
func (r *recorder) LinkUp(name string) error         { return r.note("up %s", name) }
func (r *recorder) LimitOpenFiles(s, h uint64) error { return r.note("files %d %d", s, h) }
func (r *recorder) SetClock(ns int64) error          { return r.note("clock %d", ns) }
func (r *recorder) AddEntropy(seed []byte) error     { return r.note("entropy %d", len(seed)) }
func (r *recorder) FlushDisk(device string) error    { return r.note("flush %s", device) }
func (r *recorder) Childless() bool                  { return r.childless }
func (r *recorder) Programs() []uint32               { return r.programs }

// Kill takes the process out of the fake /proc, so that it is seen to be gone.
func (r *recorder) Kill(pid int) error {
	if r.procRoot != "" {
		_ = os.RemoveAll(filepath.Join(r.procRoot, strconv.Itoa(pid)))
	}
	return r.note("kill %d", pid)
}

func (r *recorder) KillAll() error {
	r.childless = true
	return r.note("kill all")
}

func (r *recorder) PowerOff() { _ = r.note("power off") }

// fakeRoot is a guest's file tree with the given files.
func fakeRoot(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		full := filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
	}
	return root
}

func fakeMachine(t *testing.T, files map[string]string) (*machine, *recorder) {
	t.Helper()
	k := &recorder{refuse: map[string]error{}}
	m := newMachine(k, fakeRoot(t, files))
	m.wait = 20 * time.Millisecond
	return m, k
}
