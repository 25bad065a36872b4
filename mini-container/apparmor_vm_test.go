//go:build vmtest && linux

package minicontainer_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Types of what is in a binary AppArmor policy: the kernel's
// security/apparmor/include/policy_unpack.h.
const (
	aaU32       = 2
	aaName      = 4
	aaString    = 5
	aaStruct    = 7
	aaStructEnd = 8
)

// policy is a binary AppArmor policy being written.
type policy struct{ bytes.Buffer }

func (p *policy) text(kind byte, text string) *policy {
	p.WriteByte(kind)
	binary.Write(p, binary.LittleEndian, uint16(len(text)+1))
	p.WriteString(text + "\x00")
	return p
}

func (p *policy) kind(kind byte) *policy { p.WriteByte(kind); return p }

func (p *policy) number(values ...uint32) *policy {
	for _, value := range values {
		p.WriteByte(aaU32)
		binary.Write(p, binary.LittleEndian, value)
	}
	return p
}

// noFiles is a profile without a rule: what is confined by it opens no file,
// and has no capability. It is written by hand since the guests have no
// apparmor_parser.
func noFiles(name string) []byte {
	var p policy
	p.text(aaName, "version").number(5)
	p.text(aaName, "profile").kind(aaStruct).text(aaString, name)
	p.text(aaName, "flags").kind(aaStruct).number(0, 0, 0).kind(aaStructEnd) // no hat, enforced, not audited
	p.number(0, 0, 0, 0)                                                     // capabilities: allowed, audited, silent, one that is not used
	p.kind(aaStructEnd)
	return p.Bytes()
}

// loadProfile loads it for as long as the test runs.
func loadProfile(t *testing.T, name string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, unix.Mount("securityfs", dir, "securityfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "apparmor/.load"), noFiles(name), 0))
	t.Cleanup(func() { require.NoError(t, os.WriteFile(filepath.Join(dir, "apparmor/.remove"), []byte(name), 0)) })
}

// TestAppArmor: the kernel says that the command, and what joins it, is
// confined, and both find files out of reach that would open else.
func TestAppArmor(t *testing.T) {
	require.Equal(t, "Y\n", readText("/sys/module/apparmor/parameters/enabled"), "Debian's kernels have AppArmor on")
	b := newBench(t, 0)
	b.withAccounts(t)
	const paths, within = "/etc/passwd,/bin/probe", "EACCES"
	requireOpens := func(c *contained, want string) {
		var got map[string]string
		require.NoError(t, json.Unmarshal([]byte(c.line(t)), &got))
		require.Equal(t, map[string]string{"/etc/passwd": want, "/bin/probe": want}, got)
		require.Equal(t, 0, c.end(t))
	}
	requireOpens(b.start(t, "open:"+paths), "")

	name := b.word()
	c := b.start(t, "open:"+paths, "--apparmor", name)
	require.Equal(t, 2, c.end(t), "the profile is not loaded yet")
	require.Contains(t, c.stderr.String(), name)
	loadProfile(t, name)
	requireOpens(b.start(t, "open:"+paths, "--apparmor", name), within)
	for _, flags := range [][]string{nil, {"--new-privs"}, {"--user-ns"}} {
		id := b.word()
		c = b.start(t, "wait", append(flags, "--id", id, "--apparmor", name)...)
		c.line(t)
		require.Equal(t, name+" (enforce)", apparmorLabel(c.find(t, b)), flags)
		code, stdout, stderr := inspectProcess(t, 0, id, "--json")
		require.Equal(t, 0, code, stderr)
		require.Equal(t, name+" (enforce)", decodeInspection(t, stdout).LSM.Label, flags)
		requireOpens(b.exec(t, id, "open:"+paths), within)
		require.Equal(t, 0, c.end(t))
	}
	require.Equal(t, "unconfined", apparmorLabel(os.Getpid()))
}

func apparmorLabel(pid int) string {
	return strings.TrimSpace(readText(fmt.Sprintf("/proc/%d/attr/apparmor/current", pid)))
}
