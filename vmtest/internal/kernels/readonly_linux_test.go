package kernels

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// asNobody runs f on a thread whose file system user is nobody, so that
// permissions count although the test may be run by root.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		_, _, _ = unix.RawSyscall(unix.SYS_SETFSUID, 65534, 0, 0)
		f()
	}()
	<-done
}

// letIn lets nobody reach the test's files.
func letIn(t *testing.T) {
	t.Helper()
	for dir := t.TempDir(); dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
}

func TestFetchHostWithoutPermission(t *testing.T) {
	b := newBench(t)
	b.config.Root = files(t, t.TempDir(), map[string]string{"proc/sys/kernel/osrelease": "6.1.0\n", "boot/vmlinuz-6.1.0": "x"})
	require.NoError(t, os.Chmod(filepath.Join(b.config.Root, "boot/vmlinuz-6.1.0"), 0))
	letIn(t)
	asNobody(t, func() {
		_, err := b.source(t).Fetch(t.Context(), "host")
		if err == nil || !strings.Contains(err.Error(), "only root may: sudo chmod a+r") {
			t.Errorf("got %v", err)
		}
	})
}

func TestFetchReadOnlyCache(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
	source := b.source(t)
	first, err := source.Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	letIn(t)
	asNobody(t, func() {
		again, err := source.Fetch(t.Context(), "5.10")
		if err != nil || again.Release != first.Release || again.Note != "" {
			t.Errorf("fresh index: got %+v, %v", again, err)
		}
		b.now = b.now.Add(48 * time.Hour)
		again, err = b.source(t).Fetch(t.Context(), "5.10")
		if err != nil || again.Release != first.Release || strings.Contains(again.Note, b.config.CacheDir) {
			t.Errorf("old index: got %+v, %v", again, err)
		}
		_, err = b.source(t).Fetch(t.Context(), "7")
		if err == nil {
			t.Error("a kernel out of nowhere")
			return
		}
		for _, want := range []string{b.config.CacheDir, "not writable", "VMTEST_CACHE"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in %v", want, err)
			}
		}
	})
}
