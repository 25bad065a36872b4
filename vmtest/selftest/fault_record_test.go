//go:build selftest && linux

package selftest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest"
)

var record = flag.Bool("record", false, "record clean boots anew for the splat lists' tests")

// TestRecordCleanBoots writes what a healthy boot of each kernel says, the
// fixtures of internal/verdict: every line of the kernel log as /dev/kmsg gives
// it, and the console with everything on it.
func TestRecordCleanBoots(t *testing.T) {
	if !*record {
		t.Skip("only with -record")
	}
	for _, kernel := range series() {
		t.Run(kernel, func(t *testing.T) {
			vm, err := vmtest.Boot(t.Context(), vmtest.Config{Kernel: kernel, Init: guestInit(), Cold: true, KernelArgs: []string{"ignore_loglevel"}})
			require.NoError(t, err)
			defer vm.Close()
			// dd ends with EAGAIN at the end of the log.
			kmsg, _ := vm.Command("/usr/bin/dd", "if=/dev/kmsg", "iflag=nonblock", "bs=8192", "status=none").Output()
			require.NotEmpty(t, kmsg)
			require.NoError(t, vm.Shutdown(t.Context()))
			dir := filepath.Join(repo, "vmtest", "internal", "verdict", "testdata", "boots")
			require.NoError(t, os.MkdirAll(dir, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "kmsg-"+kernel+".txt"), kmsg, 0o644))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "console-"+kernel+".txt"), vm.Console(), 0o644))
		})
	}
}
