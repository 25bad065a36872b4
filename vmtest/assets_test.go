package vmtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// TestBootRefusesUnknownSettings: before anything is fetched or built.
func TestBootRefusesUnknownSettings(t *testing.T) {
	_, err := Boot(t.Context(), Config{Kernel: "6.12", System: "openrc", CacheDir: t.TempDir()})
	require.EqualError(t, err, `find system "openrc": there are guest, systemd`)
}

func TestSystemParameters(t *testing.T) {
	require.Empty(t, systemParameters(plan.InitGuest), "our init needs nothing said")
	require.Contains(t, systemParameters(plan.InitSystemd), "vmtest_system=systemd")
}
