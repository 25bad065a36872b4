package cgroup_test

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
)

func ptr[T any](v T) *T { return &v }

func TestPlan(t *testing.T) {
	disk := specs.LinuxBlockIODevice{Major: 254, Minor: 16}
	tests := []struct {
		name string
		in   *specs.LinuxResources
		want []cgroup.Write
	}{
		{"nothing", nil, nil},
		{"empty", &specs.LinuxResources{Pids: &specs.LinuxPids{}, Memory: &specs.LinuxMemory{}, CPU: &specs.LinuxCPU{}}, nil},
		{"pids", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(20))}}, []cgroup.Write{{"pids", "pids.max", "20"}}},
		{"no limit", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}, []cgroup.Write{{"pids", "pids.max", "max"}}},
		{
			"memory: swap comes first and alone",
			&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(150)), Reservation: ptr(int64(10))}},
			[]cgroup.Write{{"memory", "memory.swap.max", "50"}, {"memory", "memory.max", "100"}, {"memory", "memory.low", "10"}},
		},
		{
			"no limit on swap", &specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: ptr(int64(-1))}},
			[]cgroup.Write{{"memory", "memory.swap.max", "max"}},
		},
		{
			"cpu",
			&specs.LinuxResources{CPU: &specs.LinuxCPU{
				Shares: ptr(uint64(1024)), Quota: ptr(int64(50000)), Burst: ptr(uint64(1000)), Idle: ptr(int64(0)), Cpus: "0-1", Mems: "0",
			}},
			[]cgroup.Write{
				{"cpu", "cpu.idle", "0"}, {"cpu", "cpu.weight", "100"}, {"cpu", "cpu.max", "50000 100000"},
				{"cpu", "cpu.max.burst", "1000"}, {"cpuset", "cpuset.cpus", "0-1"}, {"cpuset", "cpuset.mems", "0"},
			},
		},
		{"smallest shares", &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(2))}}, []cgroup.Write{{"cpu", "cpu.weight", "1"}}},
		{"most shares", &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(1 << 40))}}, []cgroup.Write{{"cpu", "cpu.weight", "10000"}}},
		{
			"period without quota", &specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(20000))}},
			[]cgroup.Write{{"cpu", "cpu.max", "max 20000"}},
		},
		{
			"io: one line per device",
			&specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
				Weight:                  ptr(uint16(10)),
				WeightDevice:            []specs.LinuxWeightDevice{{LinuxBlockIODevice: disk, Weight: ptr(uint16(1000))}},
				ThrottleReadBpsDevice:   []specs.LinuxThrottleDevice{{LinuxBlockIODevice: disk, Rate: 4096}},
				ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{{LinuxBlockIODevice: disk, Rate: 0}},
			}},
			[]cgroup.Write{{"io", "io.weight", "default 1"}, {"io", "io.weight", "254:16 10000"}, {"io", "io.max", "254:16 rbps=4096 wiops=max"}},
		},
		{
			"io: all four rates, two devices",
			&specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
				ThrottleReadBpsDevice:   []specs.LinuxThrottleDevice{{LinuxBlockIODevice: disk, Rate: 1}},
				ThrottleWriteBpsDevice:  []specs.LinuxThrottleDevice{{Rate: 5}, {LinuxBlockIODevice: disk, Rate: 2}},
				ThrottleReadIOPSDevice:  []specs.LinuxThrottleDevice{{LinuxBlockIODevice: disk, Rate: 3}},
				ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{{LinuxBlockIODevice: disk, Rate: 4}},
			}},
			[]cgroup.Write{{"io", "io.max", "254:16 rbps=1 wbps=2 riops=3 wiops=4"}, {"io", "io.max", "0:0 wbps=5"}},
		},
		{
			"huge pages", &specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}}},
			[]cgroup.Write{{"hugetlb", "hugetlb.2MB.max", "4194304"}},
		},
		{
			"rdma", &specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"mlx5": {HcaHandles: ptr(uint32(2))}, "none": {}}},
			[]cgroup.Write{{"rdma", "rdma.max", "mlx5 hca_handle=2"}},
		},
		{
			"unified wins by coming last, a line a write",
			&specs.LinuxResources{
				Pids:    &specs.LinuxPids{Limit: ptr(int64(1))},
				Unified: map[string]string{"memory.high": "5", "io.max": "254:0 rbps=1\n254:16 rbps=2\n"},
			},
			[]cgroup.Write{{"pids", "pids.max", "1"}, {"io", "io.max", "254:0 rbps=1"}, {"io", "io.max", "254:16 rbps=2"}, {"memory", "memory.high", "5"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := cgroup.Plan(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	memory := func(m specs.LinuxMemory) *specs.LinuxResources { return &specs.LinuxResources{Memory: &m} }
	unified := func(key, value string) *specs.LinuxResources {
		return &specs.LinuxResources{Unified: map[string]string{key: value}}
	}
	tests := []struct {
		name string
		in   *specs.LinuxResources
		want string
	}{
		//nolint:staticcheck // deprecated, and so refused
		{"kernel memory", memory(specs.LinuxMemory{Kernel: ptr(int64(1))}), "memory.kernel"},
		{"kernel TCP memory", memory(specs.LinuxMemory{KernelTCP: ptr(int64(1))}), "memory.kernelTCP"},
		{"swappiness", memory(specs.LinuxMemory{Swappiness: ptr(uint64(1))}), "swappiness"},
		{"no OOM killer", memory(specs.LinuxMemory{DisableOOMKiller: ptr(true)}), "OOM killer"},
		{"no hierarchy", memory(specs.LinuxMemory{UseHierarchy: ptr(false)}), "useHierarchy"},
		{"no memory at all", memory(specs.LinuxMemory{Limit: ptr(int64(0))}), "limit of 0"},
		{"swap without memory", memory(specs.LinuxMemory{Swap: ptr(int64(1))}), "needs memory.limit"},
		{"swap below memory", memory(specs.LinuxMemory{Limit: ptr(int64(2)), Swap: ptr(int64(1))}), "below memory.limit"},
		{"realtime", &specs.LinuxResources{CPU: &specs.LinuxCPU{RealtimeRuntime: ptr(int64(1))}}, "realtime"},
		{"leaf weight", &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{LeafWeight: ptr(uint16(1))}}, "leafWeight"},
		{"leaf weight of a device", &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
			WeightDevice: []specs.LinuxWeightDevice{{LeafWeight: ptr(uint16(1))}},
		}}, "leafWeight"},
		{"network class", &specs.LinuxResources{Network: &specs.LinuxNetwork{}}, "network class"},
		{"page size with a path", &specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "../x"}}}, "huge page size"},
		{"unified: a path", unified("memory.max/../../x", "1"), "not a file of a controller"},
		{"unified: the core", unified("cgroup.procs", "1"), "not a file of a controller"},
		{"unified: no controller", unified("max", "1"), "not a file of a controller"},
		{"unified: nothing", unified("memory.max", "\n"), "no value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cgroup.Plan(tt.in)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestControllers(t *testing.T) {
	require.Equal(t, []string{"cpu", "memory"}, cgroup.Controllers([]cgroup.Write{{"memory", "a", "1"}, {"cpu", "b", "1"}, {"memory", "c", "1"}}))
	require.Empty(t, cgroup.Controllers(nil))
}
