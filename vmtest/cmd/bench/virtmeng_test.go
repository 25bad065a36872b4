package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/vmtest"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
)

func TestVirtmeArgs(t *testing.T) {
	c := vmtest.Config{MemoryBytes: 2 << 30, Accelerator: "tcg"}
	want := []string{"--memory", "2048M", "--cpus", "2", "--exec", "true && echo " + virtmeEnded}
	require.Equal(t, append(want, "--disable-kvm", "--qemu-opts=-accel tcg,thread=single"), virtmeArgs(c))
	c.Accelerator = "kvm"
	require.Equal(t, want, virtmeArgs(c), "which vng takes by itself")
}

func TestVirtmeRuns(t *testing.T) {
	for release, want := range map[string]bool{
		"5.10.0-46-cloud-amd64": false, "6.1.0-56-cloud-amd64": false, "6.12.117+deb13-cloud-amd64": true, "7.2.12": true, "odd": false,
	} {
		require.Equal(t, want, virtmeRuns(release), release)
	}
}

func TestVirtmeVersions(t *testing.T) {
	require.Equal(t, "virtme-ng 1.35-1 with QEMU 10.0 of Debian 13",
		virtmeVersions([]image.Package{{Name: "qemu-system-x86", Version: "10.0"}, {Name: "virtme-ng", Version: "1.35-1"}}))
}

// TestListener: words that come in pieces count when the last piece is there.
func TestListener(t *testing.T) {
	l := listener{told: map[string]time.Time{virtmeBegins: {}, virtmeEnded: {}}}
	for _, text := range []string{"noise\n", virtmeBegins[:5], virtmeBegins[5:] + "\n"} {
		require.Zero(t, l.told[virtmeBegins])
		_, err := l.Write([]byte(text))
		require.NoError(t, err)
	}
	began := l.told[virtmeBegins]
	require.NotZero(t, began)
	require.Zero(t, l.told[virtmeEnded])
	_, err := l.Write([]byte(virtmeEnded))
	require.NoError(t, err)
	require.Equal(t, began, l.told[virtmeBegins])
	require.False(t, l.told[virtmeEnded].Before(began))
}

func TestLastLine(t *testing.T) {
	require.Equal(t, "Kernel panic", lastLine("boot\r\n Kernel panic \r\n \n"))
	require.Equal(t, "none", lastLine(" \n"))
}

// TestVirtmeMissing: what cannot be had is a row that says why.
func TestVirtmeMissing(t *testing.T) {
	b := &benchmark{}
	r := b.virtmeRow(t.Context(), variant{config: vmtest.Config{Kernel: "9.99", CacheDir: t.TempDir()}})
	require.ErrorContains(t, r.err, "9.99")
	require.NoError(t, b.addRow(t.Context(), variant{name: "v"}, r, nil))
	require.Equal(t, virtmeFirst, b.report.Series[0].Name)
	require.Contains(t, b.report.Series[0].SkipReason, "9.99")
	require.Empty(t, b.report.Missed())
}

// TestRows: a way that fails is skipped alone.
func TestRows(t *testing.T) {
	turns := 0
	works := func(context.Context, vmtest.Config) (time.Duration, time.Duration, error) {
		turns++
		return 1, 2, nil
	}
	breaks := func(context.Context, vmtest.Config) (time.Duration, time.Duration, error) {
		return 0, 0, errors.New("broken")
	}
	b, series := &benchmark{}, map[string]bench.Series{}
	for _, r := range []*row{{way: way{ready: "a", first: "b", get: works}}, {way: way{ready: "c", get: breaks}}} {
		r.measure(t.Context(), vmtest.Config{})
		require.NoError(t, b.addRow(t.Context(), variant{}, r, series))
	}
	require.Equal(t, 1, turns)
	require.Len(t, b.report.Series, 3)
	require.Equal(t, "broken", b.report.Series[2].SkipReason)
	require.EqualValues(t, 2, series["b"].MedianNS)
	require.NotContains(t, series, "c")
}
