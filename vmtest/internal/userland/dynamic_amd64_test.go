//go:build linux

package userland_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/userland"
)

// TestCheckDynamic looks at the host's own shell in guests that have more or
// less of what it needs.
func TestCheckDynamic(t *testing.T) {
	const libc = "/usr/lib/x86_64-linux-gnu/libc.so.6"
	shell, err := filepath.EvalSymlinks("/bin/sh")
	require.NoError(t, err)
	require.FileExists(t, libc, "the tests are for Debian")
	same := userland.Guest{Disk: files{loader: "", libc: libc}}
	require.NoError(t, same.Check(t.Context(), shell))
	none := userland.Guest{Disk: files{loader: ""}}
	require.ErrorContains(t, none.Check(t.Context(), shell), "needs the library libc.so.6, which the guest does not have")
	none.LibraryPath = true
	require.NoError(t, none.Check(t.Context(), shell), "it may be anywhere")
	// The loader defines fewer versions than the library: an older libc.
	older := userland.Guest{Disk: files{loader: "", libc: loader}}
	require.ErrorContains(t, older.Check(t.Context(), shell), "built against a newer C library: it needs GLIBC_2.")
	brought := userland.Guest{Disk: files{loader: ""}, Added: func(path string) bool { return path == libc }}
	require.NoError(t, brought.Check(t.Context(), shell))
}
