//go:build selftest && linux

package selftest

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest"
)

// maxSkew is how far the clock of a restored VM may be from the host's.
const maxSkew = 100 * time.Millisecond

// clockSamples is how often the guest is asked for its time. The quickest
// answer says most about its clock.
const clockSamples = 30

// start boots a VM that ends with the test.
func start(t *testing.T, c vmtest.Config) *vmtest.VM {
	t.Helper()
	c.Init = guestInit()
	vm, err := vmtest.Boot(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vm.Close()) })
	t.Logf("%s: restored %v, ready after %v, booted cold in %v, saved in %v %s",
		vm.Release, vm.Restored, vm.BootDuration, vm.ColdBootDuration, vm.SaveDuration, vm.Note)
	return vm
}

// sh runs a shell script in the guest.
func sh(t *testing.T, vm *vmtest.VM, script string) string {
	t.Helper()
	out, err := vm.Command("/bin/sh", "-euc", script).Output()
	require.NoError(t, err, "%s\n%s", script, out)
	return strings.TrimSpace(string(out))
}

func stop(t *testing.T, vm *vmtest.VM) {
	t.Helper()
	require.NoError(t, vm.Shutdown(t.Context()))
	require.NoError(t, vm.Close())
}

// TestRestoredVMs: two VMs at once from one snapshot, and one after them, are
// pristine, and are not the same.
func TestRestoredVMs(t *testing.T) {
	for _, kernel := range series() {
		t.Run(kernel, func(t *testing.T) {
			one := start(t, vmtest.Config{Kernel: kernel})
			two := start(t, vmtest.Config{Kernel: kernel})
			for _, vm := range []*vmtest.VM{one, two} {
				require.True(t, vm.Restored, vm.Note)
				require.Positive(t, vm.ColdBootDuration)
				require.Positive(t, vm.BootDuration)
				require.Greater(t, vm.PeakRSSBytes(), int64(16<<20))
				require.Equal(t, vm.Release, sh(t, vm, "uname -r"))
			}
			require.Zero(t, two.SaveDuration, "the second VM needs no snapshot of its own")
			t.Run("clock", func(t *testing.T) { requireClock(t, two) })
			t.Run("randomness", func(t *testing.T) { requireUnlike(t, one, two) })
			t.Run("root disk", func(t *testing.T) { requireIntact(t, one) })
			t.Run("writes", func(t *testing.T) {
				leaveMarks(t, one)
				requireUnwritten(t, two)
				stop(t, one)
				stop(t, two)
				three := start(t, vmtest.Config{Kernel: kernel})
				requireUnwritten(t, three)
				stop(t, three)
			})
		})
	}
}

// requireClock compares clocks over one shell, which answers in milliseconds.
// The guest's time lies between the host's times before and after the question.
func requireClock(t *testing.T, vm *vmtest.VM) {
	cmd := vm.Command("/bin/bash", "-c", `while read -r; do echo "$EPOCHREALTIME"; done`)
	ask, asked := io.Pipe()
	answered, answer := io.Pipe()
	cmd.Stdin, cmd.Stdout = ask, answer
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(answered)
	earliest, latest := -time.Hour, time.Hour // bounds of guest minus host
	for range clockSamples {
		before := time.Now()
		_, err := fmt.Fprintln(asked)
		require.NoError(t, err)
		require.True(t, lines.Scan())
		after := time.Now()
		var s, us int64
		_, err = fmt.Sscanf(lines.Text(), "%d.%d", &s, &us)
		require.NoError(t, err)
		guest := time.Unix(s, us*1000)
		earliest, latest = max(earliest, guest.Sub(after)), min(latest, guest.Sub(before))
	}
	require.NoError(t, asked.Close())
	require.NoError(t, cmd.Wait())
	t.Logf("the guest's clock minus the host's is between %v and %v", earliest, latest)
	require.Less(t, earliest, maxSkew)
	require.Greater(t, latest, -maxSkew)
}

// requireUnlike: what two VMs draw at random differs.
func requireUnlike(t *testing.T, one, two *vmtest.VM) {
	for _, script := range []string{
		"cat /proc/sys/kernel/random/uuid",
		"head -c 32 /dev/urandom | od -An -tx1",
		"mktemp -u XXXXXXXXXXXXXXXX",
	} {
		require.NotEqual(t, sh(t, one, script), sh(t, two, script), script)
	}
}

// requireIntact reads from the root disk what the snapshot's page cache may
// have hidden.
func requireIntact(t *testing.T, vm *vmtest.VM) {
	const sum = "find /usr/bin /usr/lib/x86_64-linux-gnu -xdev -type f -size -200k | LC_ALL=C sort | xargs cat | sha256sum"
	cached := sh(t, vm, sum)
	require.Equal(t, cached, sh(t, vm, "sync; echo 3 > /proc/sys/vm/drop_caches; "+sum))
	require.Empty(t, sh(t, vm, "dmesg | grep -i 'ext4.*error\\|i/o error' || true"))
}

// mark is written where the next VM must not find it.
const mark = "the VM before was here"

func leaveMarks(t *testing.T, vm *vmtest.VM) {
	sh(t, vm, `for dir in /root /var/tmp /usr/bin; do echo "`+mark+`" > $dir/mark; done
for disk in payload scratch; do
	echo "`+mark+`" | dd of=/dev/disk/by-id/virtio-$disk bs=4096 seek=200000 conv=notrunc,fsync 2>/dev/null
done
sync`)
	_, err := vm.Command("/bin/sh", "-c", "echo > /dev/disk/by-id/virtio-modules").Output()
	require.Error(t, err, "the modules disk is shared by all VMs and read-only")
}

func requireUnwritten(t *testing.T, vm *vmtest.VM) {
	t.Helper()
	found := sh(t, vm, `echo 3 > /proc/sys/vm/drop_caches
ls /root/mark /var/tmp/mark /usr/bin/mark 2>/dev/null || true
for disk in payload scratch; do
	dd if=/dev/disk/by-id/virtio-$disk bs=4096 skip=200000 count=1 2>/dev/null | grep -a "`+mark+`" || true
done`)
	require.Empty(t, found)
}
