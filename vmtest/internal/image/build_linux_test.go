package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/aptsources"
)

// machine plays the programs that a build runs.
type machine struct {
	mu     sync.Mutex
	built  []string            // mirrors mmdebstrap was run with
	broken map[string]string   // mirror -> log of the failure
	hook   func(c command)     // called in the middle of mmdebstrap
	argvs  map[string][]string // the last command line per program
}

func (m *machine) run(ctx context.Context, c command) error {
	program := c.argv[0]
	if i := slices.Index(c.argv, "--"); i >= 0 {
		program = c.argv[i+1]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.argvs[program] = c.argv
	switch program {
	case "mmdebstrap":
		return m.mmdebstrap(ctx, c)
	case "dpkg-query":
		_, err := c.output.Write([]byte("bash\t5.2\nkmod\t34\n"))
		return err
	}
	return nil
}

func (m *machine) mmdebstrap(ctx context.Context, c command) error {
	tree, mirror := c.argv[len(c.argv)-2], strings.Fields(c.argv[len(c.argv)-1])[2]
	m.built = append(m.built, mirror)
	if err := os.MkdirAll(filepath.Join(tree, "usr/bin"), 0o755); err != nil {
		return err
	}
	if m.hook != nil {
		m.hook(c)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fmt.Fprint(c.output, "I: extracting archives...\n")
	if log, ok := m.broken[mirror]; ok {
		fmt.Fprintln(c.output, log)
		return errors.New("run unshare: exit status 25")
	}
	return nil
}

const (
	mirrorA = "http://user:secret@a.example/debian"
	mirrorB = "http://b.example/debian"
)

// newBuilder is a builder on m whose cache is empty.
func newBuilder(t *testing.T, m *machine) (*builder, *strings.Builder) {
	t.Helper()
	m.argvs = map[string][]string{}
	var progress strings.Builder
	recipe := Recipe{Name: "small", Suite: "trixie", Packages: []string{"kmod"}, SizeBytes: 4 << 20}
	return &builder{
		recipe: recipe, run: m.run, euid: 1000,
		entry:   filepath.Join(t.TempDir(), "images", recipe.Hash()),
		options: Options{Root: t.TempDir(), Mirrors: mirrorA + "," + mirrorB, Progress: &progress},
		free:    func(string) (int64, error) { return recipe.needBytes(), nil },
	}, &progress
}

// entries lists what is left beside the lock file.
func entries(t *testing.T, b *builder) []string {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(b.entry))
	require.NoError(t, err)
	var names []string
	for _, e := range list {
		if filepath.Ext(e.Name()) != ".lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestBuildOnceThenFromCache(t *testing.T) {
	m := &machine{}
	b, progress := newBuilder(t, m)
	img, err := b.build(context.Background())
	require.NoError(t, err)
	require.Equal(t, Image{
		Path: filepath.Join(b.entry, "root.ext4"), Hash: b.recipe.Hash(), SizeBytes: 4 << 20,
		// 4 MiB of zeros: nobody played mke2fs.
		SHA256:   "bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8",
		Packages: []Package{{"bash", "5.2"}, {"kmod", "34"}},
	}, img)
	require.Equal(t, "image small: extracting archives...\nimage small: writing the disk\n", progress.String())
	require.Equal(t, []string{filepath.Base(b.entry)}, entries(t, b))
	info, err := os.Stat(img.Path)
	require.NoError(t, err)
	require.EqualValues(t, 0o444, info.Mode().Perm())
	require.NoDirExists(t, filepath.Join(b.entry, "tree"))
	require.Contains(t, m.argvs["mmdebstrap"], "--map-auto")
	require.Contains(t, m.argvs["mke2fs"], "--map-auto")

	b.run = func(context.Context, command) error { return errors.New("the cache was not used") }
	b.options.Mirrors, b.options.Root = "", "/nonexistent"
	again, err := b.build(context.Background())
	require.NoError(t, err)
	require.Equal(t, img, again)
}

func TestBuildReplacesWhatIsDamaged(t *testing.T) {
	tests := []struct {
		name   string
		damage func(entry string) error
	}{
		{"disk cut short", func(e string) error { return os.Truncate(filepath.Join(e, diskName), 4096) }},
		{"disk missing", func(e string) error { return os.Remove(filepath.Join(e, diskName)) }},
		{"record missing", func(e string) error { return os.Remove(filepath.Join(e, recordName)) }},
		{"record cut short", func(e string) error { return os.Truncate(filepath.Join(e, recordName), 40) }},
		{"record of another recipe", func(e string) error { return record{Hash: "0", SizeBytes: 4 << 20}.write(e) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &machine{}
			b, progress := newBuilder(t, m)
			_, err := b.build(context.Background())
			require.NoError(t, err)
			require.NoError(t, os.Chmod(filepath.Join(b.entry, diskName), 0o644))
			require.NoError(t, tt.damage(b.entry))
			img, err := b.build(context.Background())
			require.NoError(t, err)
			require.EqualValues(t, 4<<20, img.SizeBytes)
			require.Len(t, m.built, 2)
			require.Contains(t, progress.String(), "image small: building it again: damaged")
		})
	}
}

func TestBuildFallsBackToTheNextMirror(t *testing.T) {
	m := &machine{broken: map[string]string{mirrorA: "E: Unable to locate package kmod"}}
	b, _ := newBuilder(t, m)
	_, err := b.build(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{mirrorA, mirrorB}, m.built)

	m.broken[mirrorB] = "E: The repository is not signed"
	b, _ = newBuilder(t, m)
	_, err = b.build(context.Background())
	require.ErrorContains(t, err, "from http://a.example/debian: the mirror does not have all packages")
	require.ErrorContains(t, err, "from http://b.example/debian: the mirror is not signed by Debian's archive key")
	require.NotContains(t, err.Error(), "secret")
	require.Empty(t, entries(t, b))
}

func TestBuildCancelled(t *testing.T) {
	cause := errors.New("interrupt")
	ctx, cancel := context.WithCancelCause(context.Background())
	m := &machine{hook: func(command) { cancel(cause) }}
	b, _ := newBuilder(t, m)
	_, err := b.build(ctx)
	require.ErrorIs(t, err, cause)
	require.Len(t, m.built, 1, "another mirror was tried")
	require.Empty(t, entries(t, b))
}

func TestBuildRemovesWhatAKilledOneLeft(t *testing.T) {
	b, _ := newBuilder(t, &machine{})
	stale := filepath.Join(b.entry+".tmp", "tree", "etc")
	require.NoError(t, os.MkdirAll(stale, 0o755))
	_, err := b.build(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Base(b.entry)}, entries(t, b))
}

func TestBuildsAtOnce(t *testing.T) {
	m := &machine{hook: func(command) { time.Sleep(100 * time.Millisecond) }}
	b, _ := newBuilder(t, m)
	b.options.Progress = nopWriter{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := b.build(context.Background())
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.Len(t, m.built, 1)
}

type nopWriter struct{}

func (nopWriter) Write(p []byte) (int, error) { return len(p), nil }

func TestLockWaitEndsWithContext(t *testing.T) {
	b, progress := newBuilder(t, &machine{})
	unlock, err := b.lock(context.Background())
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = b.build(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, "image small: waiting for another build of it\n", progress.String())
}

func TestBuildErrors(t *testing.T) {
	b, _ := newBuilder(t, &machine{})
	b.free = func(string) (int64, error) { return 100 << 20, nil }
	_, err := b.build(context.Background())
	require.ErrorContains(t, err, "100 MiB free, 2048 MiB needed")

	b, _ = newBuilder(t, &machine{})
	b.options.Mirrors = ""
	_, err = b.build(context.Background())
	require.ErrorIs(t, err, aptsources.ErrNoMirror)
	require.Empty(t, entries(t, b))
}

func TestCacheError(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EROFS, unix.EACCES, unix.EPERM} {
		err := cacheError("/c/images", &os.PathError{Op: "open", Path: "/c/images/x.lock", Err: errno})
		require.ErrorContains(t, err, "set VMTEST_CACHE")
		require.ErrorContains(t, err, "/c/images")
		require.ErrorIs(t, err, errno)
	}
	require.NotContains(t, cacheError("/c", unix.EIO).Error(), "VMTEST_CACHE")
}
