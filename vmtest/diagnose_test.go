package vmtest

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

func TestBootFault(t *testing.T) {
	a := &assets{image: image.Image{Path: "/cache/root.ext4"}}
	cause := errors.New("guest lost: EOF")
	tests := []struct {
		name, console, want string
	}{
		{"silent", "[    0.1] Linux version\r\n", "guest lost: EOF"},
		{"no channel", "vmtest-init: fatal: open channel: no such device\r\n[    6.5] reboot: Power down\r\n",
			"guest lost: EOF: init gave up: open channel: no such device"},
		{"damaged root disk", "vmtest-init: fatal: mount disk root on /newroot: invalid argument\r\n",
			"guest lost: EOF: init gave up: mount disk root on /newroot: invalid argument (if that comes again, " +
				"the cached disk is damaged: remove /cache/root.ext4, it is made anew)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := a.bootFault(cause, lastWords([]byte(tt.console)))
			require.EqualError(t, err, tt.want)
			require.ErrorIs(t, err, cause)
		})
	}
}

// TestGuestWithoutModules: it must not come to tests that fail for want of a
// module.
func TestGuestWithoutModules(t *testing.T) {
	a := &assets{modulesDisk: "/cache/modules/6.12.ext4"}
	require.NoError(t, a.checkModules(wire.Hello{Warnings: []string{"mount configfs: not built into this kernel"}}))
	for _, warning := range []string{"mount disk modules on /usr/lib/modules: invalid argument", "wait for disk modules: none after 500ms"} {
		err := a.checkModules(wire.Hello{Warnings: []string{warning}})
		require.ErrorContains(t, err, warning)
		require.ErrorContains(t, err, "remove /cache/modules/6.12.ext4")
	}
}

func TestNeedRoom(t *testing.T) {
	full := fmt.Errorf("make payload: %w", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	require.ErrorContains(t, needRoom(full), "TMPDIR")
	require.ErrorIs(t, needRoom(full), syscall.ENOSPC)
	other := errors.New("other")
	require.Equal(t, other, needRoom(other))
	require.NoError(t, needRoom(nil))
}
