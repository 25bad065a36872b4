package inspect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fscan(text string, into *int) (int, error) { return fmt.Sscan(text, into) }

const statusText = "Name:\tprobe\nState:\tR (running)\nUid:\t0\t1\t2\t3\nGid:\t4\t5\t6\t7\nGroups:\t8 9 \nNSpid:\t177\t1\nThreads:\t2\n" +
	"CapInh:\t0000000000000000\nCapPrm:\t8000000000000001\nCapEff:\t00000000800405fb\nCapBnd:\t00000000800405fb\n" +
	"CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n"

func TestParseStatus(t *testing.T) {
	r := &Report{}
	require.NoError(t, r.parseStatus(statusText))
	require.Equal(t, "probe", r.Name)
	require.Equal(t, []int{177, 1}, r.PIDs)
	require.Equal(t, IDs{0, 1, 2, 3}, r.UIDs)
	require.Equal(t, IDs{4, 5, 6, 7}, r.GIDs)
	require.Equal(t, []uint32{8, 9}, r.Groups)
	require.Equal(t, []string{"CAP_CHOWN", "CAP_63"}, r.Capabilities["permitted"])
	require.True(t, r.NoNewPrivs)
	require.Equal(t, "filter", r.Seccomp.Mode)
	require.Equal(t, 3, *r.Seccomp.Filters)
	require.Equal(t, 2, r.Threads)
	require.Empty(t, r.Unknown)

	r = &Report{}
	require.NoError(t, r.parseStatus(strings.Replace(statusText, "Seccomp_filters:\t3\n", "", 1)))
	require.Nil(t, r.Seccomp.Filters)
	require.Equal(t, "seccomp.filters_count", r.Unknown[0].Field)
	require.ErrorContains(t, r.parseStatus("Name:\tprobe\n"), "parse status")
}

func TestParseNamespace(t *testing.T) {
	inode, err := ParseNamespace("mnt:[4026531841]")
	require.NoError(t, err)
	require.Equal(t, uint64(4026531841), inode)
	for _, bad := range []string{"", "mnt", "mnt:[", "mnt:[x]", "mnt:[1", "mnt:[-1]"} {
		_, err := ParseNamespace(bad)
		require.Error(t, err, bad)
	}
}

func TestParseIDMap(t *testing.T) {
	mappings, err := ParseIDMap("         0       1000          1\n         1     100000      65536\n")
	require.NoError(t, err)
	require.Equal(t, []Mapping{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}, mappings)
	for _, bad := range []string{"0 0\n", "0 0 1 2\n", "0 0 4294967296\n", "a b c\n"} {
		_, err := ParseIDMap(bad)
		require.Error(t, err, bad)
	}
}

func TestParseTimeOffsets(t *testing.T) {
	offsets, err := parseTimeOffsets("monotonic           -5        10\nboottime            3600         0\n")
	require.NoError(t, err)
	require.Equal(t, &TimeOffsets{Monotonic: -4999999990, Boottime: 3600000000000}, offsets)
	for _, bad := range []string{"", "monotonic 0 0\n", "monotonic 0 0\nmonotonic 0 0\n", "realtime 0 0\n", "monotonic 9223372036854775807 0\nboottime 0 0\n"} {
		_, err := parseTimeOffsets(bad)
		require.Error(t, err, bad)
	}
}

const limitsText = "Limit                     Soft Limit           Hard Limit           Units     \n" +
	"Max cpu time              unlimited            unlimited            seconds   \n" +
	"Max open files            1024                 524288               files     \n" +
	"Max nice priority         0                    0                    \n"

func TestParseRlimits(t *testing.T) {
	limits, err := parseRlimits(limitsText)
	require.NoError(t, err)
	require.Equal(t, []Rlimit{
		{"cpu time", "unlimited", "unlimited", "seconds"}, {"open files", "1024", "524288", "files"}, {"nice priority", "0", "0", ""},
	}, limits)
	for _, bad := range []string{"x\nMax\n", "x\nMax open files 1024 1024 files\n", "x\n" + strings.Repeat("é", 40) + "\n"} {
		_, err := parseRlimits(bad)
		require.Error(t, err, bad)
	}
}

func TestParseCgroups(t *testing.T) {
	c, err := parseCgroups("9:name=systemd:/\n4:memory:/a:b\n0::/user.slice\n")
	require.NoError(t, err)
	require.Equal(t, &Cgroup{Path: "/user.slice", V1: []CgroupV1{{"name=systemd", "/"}, {"memory", "/a:b"}}}, c)
	_, err = parseCgroups("0:/\n")
	require.Error(t, err)
}

func chain(files ...map[string]string) (levels []level) {
	for i, f := range files {
		levels = append(levels, level{path: strings.Repeat("/x", len(files)-i), files: f})
	}
	return levels
}

func TestEffectiveLimits(t *testing.T) {
	type files = map[string]string
	tests := []struct {
		name  string
		chain []level
		want  []Limit
	}{
		{"nothing enabled", chain(files{}, files{}), []Limit{}},
		{"no limit", chain(files{"pids.max": "max"}), []Limit{{File: "pids.max", Own: "max", Effective: "max"}}},
		{"own is lowest", chain(files{"pids.max": "5"}, files{"pids.max": "9"}), []Limit{{File: "pids.max", Own: "5", Effective: "5", SetBy: "/x/x"}}},
		{"above is lower", chain(files{"pids.max": "5"}, files{"pids.max": "4"}), []Limit{{File: "pids.max", Own: "5", Effective: "4", SetBy: "/x"}}},
		{"zero is lowest", chain(files{"pids.max": "5"}, files{"pids.max": "0"}), []Limit{{File: "pids.max", Own: "5", Effective: "0", SetBy: "/x"}}},
		{"only above", chain(files{}, files{"memory.max": "7"}), []Limit{{File: "memory.max", Effective: "7", SetBy: "/x"}}},
		{
			"share, not quota", chain(files{"cpu.max": "20000 100000"}, files{"cpu.max": "10000 20000"}),
			[]Limit{{File: "cpu.max", Own: "20000 100000", Effective: "20000 100000", SetBy: "/x/x"}},
		},
		{"no quota", chain(files{"cpu.max": "max 100000"}), []Limit{{File: "cpu.max", Own: "max 100000", Effective: "max"}}},
		{
			"cpuset of the kernel's", chain(files{"cpuset.cpus": "0-7", "cpuset.cpus.effective": "0-1"}, files{"cpuset.cpus.effective": "0-3"}),
			[]Limit{{File: "cpuset.cpus", Own: "0-7", Effective: "0-1", SetBy: "/x/x"}},
		},
		{
			"nodes of memory", chain(files{"cpuset.mems": "0-3", "cpuset.mems.effective": "0"}, files{"cpuset.mems.effective": "0"}),
			[]Limit{{File: "cpuset.mems", Own: "0-3", Effective: "0", SetBy: "/x/x"}},
		},
		{
			"devices", chain(files{"io.max": "8:0 rbps=10 wbps=max riops=max wiops=max"}, files{"io.max": "8:0 rbps=20 wbps=5 riops=max wiops=max\n8:16 rbps=1 wbps=max riops=max wiops=max"}),
			[]Limit{
				{File: "io.max", Device: "8:0", Own: "rbps=10 wbps=max riops=max wiops=max", Effective: "rbps=10 wbps=5 riops=max wiops=max"},
				{File: "io.max", Device: "8:16", Effective: "rbps=1 wbps=max riops=max wiops=max"},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limits, err := effectiveLimits(tt.chain)
			require.NoError(t, err)
			require.Equal(t, tt.want, limits)
		})
	}
	for _, bad := range []files{{"pids.max": "many"}, {"cpu.max": "1 0"}, {"cpu.max": "1"}, {"io.max": "8:0 rbps=x"}, {"io.max": "8:0 speed=1"}} {
		_, err := effectiveLimits(chain(bad))
		require.Error(t, err, bad)
	}
}
