//go:build vmtest && linux

package connsnoop_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/kernel"
)

// kernelBTF is where a kernel shows its types.
const kernelBTF = "/sys/kernel/btf/vmlinux"

// TestTypes hides the kernel's own types: then connections can be recorded
// with a copy of them, by hooks that the kernel finds by name, and with no
// other kernel's.
func TestTypes(t *testing.T) {
	types, err := os.ReadFile(kernelBTF)
	require.NoError(t, err)
	release, err := kernel.Release()
	require.NoError(t, err)
	dir := t.TempDir()
	right, wrong := filepath.Join(dir, release+".btf"), filepath.Join(dir, "wrong.btf")
	require.NoError(t, os.WriteFile(right, types, 0o600))
	require.NoError(t, os.WriteFile(wrong, moveMember(t, types, "task_struct", "group_leader"), 0o600))

	for file, why := range map[string]string{
		wrong:             wrong + " is not of this kernel",
		right + ".not":    "no such file",
		filepath.Dir(dir): "nothing for this kernel in " + filepath.Dir(dir) + ": no " + release + ".btf",
	} {
		code, text := attempt(t, nil, "--btf", file)
		require.Equal(t, 2, code, text)
		require.Contains(t, text, why)
	}

	hideTypes(t)
	code, text := attempt(t, nil)
	requireRefusal(t, code, text, "no BTF: "+kernelBTF+" is missing")
	requireBackends(t, right)
	for _, backend := range backendsHere(t) {
		code, text := attempt(t, nil, "--btf", right, "--backend", string(backend))
		if needsOwnTypes(backend) {
			requireRefusal(t, code, text, "no BTF", "fentry")
			continue
		}
		require.Equal(t, 0, code, text)
	}

	tr := startTracer(t, "types.jsonl", "--btf", dir)
	port := connectAndClose(t, "tcp4")
	events, _ := tr.interrupt(t, syscall.SIGTERM)
	require.Len(t, events, 2)
	for _, e := range events {
		require.Equal(t, os.Getpid(), e.PID)
		require.Contains(t, []uint16{e.LocalPort, e.RemotePort}, port)
	}
}

// requireBackends: kprobes attach by name; fentry and its like need the types
// that the kernel itself shows.
func requireBackends(t *testing.T, types string) {
	cmd := exec.CommandContext(t.Context(), executable(t), "check", "--json", "--btf", types)
	out, err := cmd.Output()
	require.NoError(t, err)
	var report struct {
		Backends []struct {
			Backend string
			Usable  bool
		}
	}
	require.NoError(t, json.Unmarshal(out, &report))
	usable := map[string]bool{}
	for _, b := range report.Backends {
		usable[b.Backend] = b.Usable
	}
	for _, backend := range backendsHere(t) {
		require.Equal(t, !needsOwnTypes(backend), usable[string(backend)], backend)
	}
}

// needsOwnTypes says whether the kernel itself must know its functions' types.
func needsOwnTypes(b connsnoop.Backend) bool { return b == connsnoop.BackendFentry }

// hideTypes puts an empty directory over the kernel's types, for the program
// under test alone.
func hideTypes(t *testing.T) {
	script := filepath.Join(t.TempDir(), "hidden")
	text := "#!/bin/sh\nexec unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec \"$0\" \"$@\"' " + executable(t) + " \"$@\"\n"
	require.NoError(t, os.WriteFile(script, []byte(text), 0o700))
	t.Setenv("VMTEST_BIN", script)
}

// connectAndClose makes one plain TCP connection to ourselves, waits until both
// its ends are over, and returns the port that was listened on.
func connectAndClose(t *testing.T, network string) uint16 {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	listener, err := config.Listen(t.Context(), network, "localhost:0")
	require.NoError(t, err)
	defer listener.Close()
	client, err := net.Dial(network, listener.Addr().String())
	require.NoError(t, err)
	server, err := listener.Accept()
	require.NoError(t, err)
	require.NoError(t, client.Close())
	_, err = server.Read(make([]byte, 1))
	require.Error(t, err) // the end
	require.NoError(t, server.Close())
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	over := func() bool {
		n, err := countAliveOf(fmt.Sprintf(":%04X", port))
		return err == nil && n == 0
	}
	require.Eventually(t, over, patience, time.Millisecond, "both ends are over")
	return port
}

// moveMember returns BTF in which a member of a struct is 64 bits further on,
// as in another kernel: Documentation/bpf/btf.rst has the format.
func moveMember(t *testing.T, types []byte, structure, member string) []byte {
	moved := bytes.Clone(types)
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(moved[at:])) }
	header, typeOff, typeLen, strOff := u32(4), u32(8), u32(12), u32(16)
	name := func(at int) string {
		text, _, _ := bytes.Cut(moved[header+strOff+u32(at):], []byte{0})
		return string(text)
	}
	for at := header + typeOff; at < header+typeOff+typeLen; {
		info := u32(at + 4)
		kind, count := info>>24&0x1f, info&0xffff
		if kind == 4 && name(at) == structure { // BTF_KIND_STRUCT
			for m := at + 12; m < at+12+12*count; m += 12 {
				if name(m) == member {
					binary.LittleEndian.PutUint32(moved[m+8:], uint32(u32(m+8)+64))
					return moved
				}
			}
		}
		at += 12 + sizeAfterType(kind, count)
	}
	require.Fail(t, "no "+structure+"."+member)
	return nil
}

// sizeAfterType is how much data a kind has after the common part.
func sizeAfterType(kind, count int) int {
	switch kind {
	case 1, 14, 17: // INT, VAR, DECL_TAG
		return 4
	case 3: // ARRAY
		return 12
	case 4, 5, 15, 19: // STRUCT, UNION, DATASEC, ENUM64
		return 12 * count
	case 6, 13: // ENUM, FUNC_PROTO
		return 8 * count
	}
	return 0
}
