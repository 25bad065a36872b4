package kernels

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

func TestFetchFaults(t *testing.T) {
	good := stanza(image510, "5.10.262-1")
	both := func(text string) map[string]string {
		return map[string]string{"m.example": text}
	}
	tests := []struct {
		name        string
		index       string
		update      map[string]string
		download    map[string]string
		spoil       map[string]bool
		free        int64
		unavailable bool
		cause       error
		want        []string
	}{
		{name: "no network", update: both(noRoute), unavailable: true,
			want: []string{"kernel 5.10", "Could not resolve 'm.example'", "VMTEST_MIRRORS", "VMTEST_PACKAGE_DIR"}},
		{name: "mirror without the series", unavailable: true,
			want: []string{"kernel 5.10", "suites bullseye-security, bullseye", "mirrors https://m.example/debian-security, https://m.example/debian:",
				"no complete set of packages in the index", "VMTEST_MIRRORS", "VMTEST_PACKAGE_DIR"}},
		{name: "mirror without the suites", update: both(noSuite), unavailable: true,
			want: []string{"does not have a Release file", "suite bullseye-security", "suite bullseye:"}},
		{name: "wrong signature", update: both(notSigned), unavailable: true,
			want: []string{"NO_PUBKEY 6ED0E7B82643E131", "is not signed"}},
		{name: "cut off, seen by apt", index: good, download: map[string]string{image510: wrongSize}, unavailable: true,
			want: []string{"unexpected size (500000 != 1037368)", "kernel 5.10.0-46-cloud-amd64 5.10.262-1"}},
		{name: "cut off after apt", index: good, spoil: map[string]bool{image510: true}, unavailable: true,
			want: []string{"sha256 is", "truncated or changed", image510}},
		{name: "disk too small", index: good, free: 1000, cause: syscall.ENOSPC,
			want: []string{"no space left", "bytes needed", "VMTEST_CACHE", "/kernels"}},
		{name: "disk full on the way", index: good, download: map[string]string{image510: diskIsFull}, cause: syscall.ENOSPC,
			want: []string{"no space left", "bytes needed", "VMTEST_CACHE"}},
		{name: "disk full in update", update: both(diskIsFull), cause: syscall.ENOSPC,
			want: []string{"no space left", "VMTEST_CACHE", "/apt"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.suites["bullseye-security"] = tt.index
			b.update, b.download, b.spoil = tt.update, tt.download, tt.spoil
			if tt.free != 0 {
				b.free = tt.free
			}
			_, err := b.source(t).Fetch(t.Context(), "5.10")
			require.Error(t, err)
			require.Equal(t, tt.unavailable, errors.Is(err, ErrUnavailable), err)
			if tt.cause != nil {
				require.ErrorIs(t, err, tt.cause)
			}
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "\n")
			b.clean(t)
		})
	}
}

func TestFetchStopsWhenTheDiskIsFull(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1") + stanza(image510b, "5.10.259-1")
	b.download = map[string]string{image510: diskIsFull}
	_, err := b.source(t).Fetch(t.Context(), "5.10")
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, 1, b.count("apt-get -q download"))
}

func TestFetchWithoutKeyring(t *testing.T) {
	b := newBench(t)
	b.config.Keyring = "/nonexistent.gpg"
	_, err := b.source(t).Fetch(t.Context(), "5.10")
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "debian-archive-keyring")
	require.Zero(t, b.count("apt-get -q update"), "asked without a keyring")
}

func TestFetchWithoutMirror(t *testing.T) {
	b := newBench(t)
	b.config.Mirrors, b.config.Root = "", t.TempDir()
	_, err := b.source(t).Fetch(t.Context(), "5.10")
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "VMTEST_MIRRORS")
}

func TestFetchHidesPasswords(t *testing.T) {
	b := newBench(t)
	b.config.Mirrors = "https://user:hush@m.example/debian"
	_, err := b.source(t).Fetch(t.Context(), "5.10")
	require.ErrorContains(t, err, "https://m.example/debian")
	require.NotContains(t, err.Error(), "hush")
}

func TestFetchTwoRunsAtOnce(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
	b.onCommand = func(context.Context, string) error { time.Sleep(20 * time.Millisecond); return nil }
	var runs sync.WaitGroup
	for range 4 {
		source := b.source(t)
		runs.Go(func() {
			k, err := source.Fetch(context.Background(), "5.10")
			if err != nil || k.Release != "5.10.0-46-cloud-amd64" {
				t.Errorf("got %+v, %v", k, err)
			}
		})
	}
	runs.Wait()
	require.Equal(t, 1, b.count("apt-get -q download"), b.calls)
	require.Equal(t, 2, b.count("apt-get -q update"), b.calls)
	b.clean(t)
}

func TestFetchCancelled(t *testing.T) {
	for _, at := range []string{"apt-get -q update", "apt-cache show", "apt-get -q download", "dpkg-deb"} {
		t.Run(at, func(t *testing.T) {
			b := newBench(t)
			b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
			ctx, cancel := context.WithCancel(t.Context())
			b.onCommand = func(ctx context.Context, what string) error {
				if strings.HasPrefix(what, at) {
					cancel()
				}
				return ctx.Err()
			}
			_, err := b.source(t).Fetch(ctx, "5.10")
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, ErrUnavailable)
			b.clean(t)
		})
	}
}

func TestFetchCancelledWhileAnotherRunHoldsTheLock(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
	dir := filepath.Join(b.config.CacheDir, "kernels")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	lock, err := cache.Lock(t.Context(), filepath.Join(dir, "5.10.0-46-cloud-amd64_5.10.262-1.lock"), nil)
	require.NoError(t, err)
	defer lock.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = b.source(t).Fetch(ctx, "5.10")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestFetchRemovesLeftoversOfKilledRuns(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
	left := filepath.Join(b.config.CacheDir, "kernels", ".tmp-5.10.0-46-cloud-amd64_5.10.262-1-123", "root")
	require.NoError(t, os.MkdirAll(left, 0o755))
	_, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	b.clean(t)
}
