package filelimit_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/filelimit"
)

func TestSoft(t *testing.T) {
	if os.Getenv("PRINT_LIMIT") != "" {
		fmt.Println("limit", filelimit.Soft())
		return
	}
	cmd := exec.Command("sh", "-c", `ulimit -Sn 77 && exec "$0" -test.run=TestSoft`, os.Args[0])
	cmd.Env = append(os.Environ(), "PRINT_LIMIT=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "limit 77\n")
}
