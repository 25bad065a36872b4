package userland_test

import (
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/userland"
)

// FuzzCheck looks at programs that are none, as files of users are.
func FuzzCheck(f *testing.F) {
	f.Add([]byte("#!/bin/sh\n"))
	f.Add([]byte("#! \n"))
	self, err := os.Executable()
	require.NoError(f, err)
	program, err := os.ReadFile(self)
	require.NoError(f, err)
	f.Add(program[:4096])
	f.Add([]byte(elf.ELFMAG))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "program")
		require.NoError(t, os.WriteFile(path, data, 0o755))
		err := userland.Guest{Disk: files{}}.Check(context.Background(), path)
		if len(data) < 4 {
			require.Error(t, err, "nothing that short runs")
		}
	})
}
