//go:build vmtest && linux

package minicontainer_test

import (
	_ "embed"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

//go:embed docs/matrix.md
var matrix string

// asked is how a feature of the matrix is asked for.
type asked struct {
	flags    []string
	needsMap bool // as root it takes a user namespace too
	disk     bool // root directory and source of the bind mount lie on ext4
}

var features = map[string]asked{
	"pid, mount, uts, ipc, net, cgroup namespaces": {},
	"user namespace, own id mapped":                {needsMap: true},
	"time namespace with offsets":                  {flags: []string{"--time-offset", "boottime=1h"}},
	"read-only root":                               {flags: []string{"--read-only"}},
	"overlay over the root":                        {flags: []string{"--overlay"}},
	"bind mount":                                   {flags: []string{"--bind", "SOURCE:/data"}},
	"bind mount, recursively read-only":            {flags: []string{"--bind", "SOURCE:/data:rro"}},
	"idmapped mount of ext4":                       {flags: []string{"--bind", "SOURCE:/data:idmap"}, needsMap: true, disk: true},
	"idmapped mount of tmpfs":                      {flags: []string{"--bind", "SOURCE:/data:idmap"}, needsMap: true},
	"overlay over an idmapped root of ext4":        {flags: []string{"--idmap-root", "--overlay"}, needsMap: true, disk: true},
	"default filter of system calls":               {flags: []string{"--seccomp", "default"}},
	"Landlock for files":                           {flags: []string{"--landlock-exec", "/"}},
	"Landlock for TCP ports":                       {flags: []string{"--landlock-bind", "7000"}},
	"other user, rlimits, OOM score":               {flags: []string{"--user", "7:7", "--rlimit", "core=0", "--oom-score-adj", "500"}},
	"cgroup limits: memory, cpu, pids":             {flags: []string{"--memory", "64M", "--cpus", "1.5", "--pids", "50"}},
	"cpuset":                                       {flags: []string{"--cpuset-cpus", "0"}},
	"filter of devices":                            {flags: []string{"--device-rule", "c 200:7 r"}},
	"own PID 1":                                    {flags: []string{"--init"}},
	"own terminal":                                 {flags: []string{"--tty"}},
	"loopback network":                             {flags: []string{"--network", "loopback"}},
	"bridge, veth":                                 {flags: []string{"--network", "bridge"}},
	"bridge, veth, with IPv6":                      {flags: []string{"--network", "bridge", "--subnet6", "auto"}},
	"NAT by nftables":                              {flags: []string{"--network", "bridge", "--nat"}},
}

// TestFeatureMatrix holds the page to this kernel.
func TestFeatureMatrix(t *testing.T) {
	rows, column := readMatrix(t)
	require.Len(t, rows, len(features), "the page and the test have different features")
	shell := delegate(t, "/delegated")
	benches := map[uint32]*bench{0: newBench(t, 0), student: newBench(t, student)}
	disk := benches[0].diskRootfs(t)
	for name, cells := range rows {
		feature, known := features[name]
		require.True(t, known, name)
		for uid, b := range benches {
			want, delegated := cells[column], false
			if uid != 0 {
				want, delegated = rootless(t, cells[len(cells)-1])
			}
			t.Run(fmt.Sprintf("%s, uid %d", name, uid), func(t *testing.T) {
				if delegated {
					require.Equal(t, "no", b.try(t, feature, disk, nil), "without a delegated cgroup")
					require.Equal(t, "yes", b.try(t, feature, disk, shell))
					return
				}
				require.Equal(t, want, b.try(t, feature, disk, nil))
			})
		}
	}
}

// try says whether a container with a feature runs. Only exit code 4 is a no,
// and 2 for a user.
func (b *bench) try(t *testing.T, feature asked, disk string, cgroup *os.File) string {
	t.Helper()
	source, rootfs := b.base, b.rootfs
	if feature.disk {
		source, b.rootfs = disk, disk
		defer func() { b.rootfs = rootfs }()
	}
	var flags []string
	for _, flag := range feature.flags {
		flags = append(flags, strings.Replace(flag, "SOURCE", source, 1))
	}
	if b.uid != 0 || feature.needsMap {
		flags = append(flags, "--user-ns")
	}
	c := &contained{cmd: b.prepare(t, "exit:0", flags...)}
	c.cmd.Env = append(c.cmd.Env, "XDG_RUNTIME_DIR="+b.base)
	if b.uid != 0 {
		c.cmd.SysProcAttr = studentIn(cgroup)
	}
	code := c.begin(t).end(t)
	if b.uid != 0 && code == 2 {
		code = 4 // the caller lacks what is needed; that the flags are right shows as root
	}
	require.Contains(t, []int{0, 4}, code, "stderr: %s", &c.stderr)
	require.Equal(t, code == 0, c.stderr.Len() == 0, "a no without a word: %s", &c.stderr)
	return map[int]string{0: "yes", 4: "no"}[code]
}

// rootless reads the last column.
func rootless(t *testing.T, cell string) (want string, delegated bool) {
	var major, minor int
	if _, err := fmt.Sscanf(cell, "%d.%d", &major, &minor); err == nil {
		return map[bool]string{true: "yes", false: "no"}[atLeast(t, major, minor)], false
	}
	require.Contains(t, []string{"yes", "no", "delegated"}, cell)
	return cell, cell == "delegated"
}

// readMatrix returns the cells of each feature, and which is this kernel's.
func readMatrix(t *testing.T) (rows map[string][]string, column int) {
	t.Helper()
	var uts unix.Utsname
	require.NoError(t, unix.Uname(&uts))
	release := unix.ByteSliceToString(uts.Release[:])
	rows, column = map[string][]string{}, -1
	for line := range strings.Lines(matrix) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[0] != "feature" {
			rows[cells[0]] = cells[1:]
			continue
		}
		for i, series := range cells[1:] {
			if strings.HasPrefix(release, series+".") {
				column = i
			}
		}
	}
	require.GreaterOrEqual(t, column, 0, "docs/matrix.md has no column for %s", release)
	return rows, column
}
