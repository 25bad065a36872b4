package minicontainer

import (
	"os"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
)

func options(change func(*Options)) Options {
	o := Options{Rootfs: "rootfs", Args: []string{"/bin/true"}}
	if change != nil {
		change(&o)
	}
	return o
}

func TestNewSpec(t *testing.T) {
	spec := NewSpec(options(nil))
	require.NoError(t, Validate(spec))
	require.Equal(t, DefaultHostname, spec.Hostname)
	require.Equal(t, "/", spec.Process.Cwd)
	require.True(t, spec.Process.NoNewPrivileges)
	require.False(t, hasNamespace(spec, specs.UserNamespace))
	require.Empty(t, spec.Linux.UIDMappings)

	// Each of these would let root inside become root outside.
	for _, name := range []string{"CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_MKNOD", "CAP_DAC_READ_SEARCH"} {
		require.NotContains(t, spec.Process.Capabilities.Bounding, name)
	}
}

func TestNewSpecUserNamespace(t *testing.T) {
	spec := NewSpec(options(func(o *Options) { o.UserNS, o.HostUID, o.HostGID = true, 1000, 100 }))
	require.NoError(t, Validate(spec))
	require.True(t, hasNamespace(spec, specs.UserNamespace))
	require.Equal(t, []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}}, spec.Linux.UIDMappings)
	require.Equal(t, []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100, Size: 1}}, spec.Linux.GIDMappings)
	for _, m := range spec.Mounts {
		require.NotContains(t, m.Options, "gid=5", "%s: group 5 is not mapped", m.Destination)
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*specs.Spec)
		want   string // part of the error
	}{
		{"no process", func(s *specs.Spec) { s.Process = nil }, "needs root, process and linux"},
		{"no command", func(s *specs.Spec) { s.Process.Args = nil }, "no command"},
		{"empty command", func(s *specs.Spec) { s.Process.Args = []string{""} }, "no command"},
		{"NUL in argument", func(s *specs.Spec) { s.Process.Args = []string{"a", "b\x00c"} }, "NUL"},
		{"relative working directory", func(s *specs.Spec) { s.Process.Cwd = "tmp" }, "not an absolute path"},
		{"environment without =", func(s *specs.Spec) { s.Process.Env = []string{"A"} }, "KEY=VALUE"},
		{"environment without key", func(s *specs.Spec) { s.Process.Env = []string{"=a"} }, "KEY=VALUE"},
		{"long host name", func(s *specs.Spec) { s.Hostname = string(make([]byte, 65)) }, "limit of 64"},
		{"host name with a line break", func(s *specs.Spec) { s.Hostname = "a\nb" }, "host name"},
		{"time offset without a namespace", func(s *specs.Spec) {
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {}}
		}, "need a new time namespace"},
		{"offset of an unknown clock", func(s *specs.Spec) {
			addNamespace("time", "")(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"realtime": {}}
		}, "only monotonic and boottime"},
		{"map without a namespace", func(s *specs.Spec) { s.Linux.UIDMappings = []specs.LinuxIDMapping{{Size: 1}} }, "need each other"},
		{"namespace without a map", addNamespace("user", ""), "need each other"},
		{"unknown namespace", addNamespace("moon", ""), "not supported yet"},
		{"existing namespace", addNamespace("ipc", "/proc/1/ns/ipc"), "joining"},
		{"no pid namespace", func(s *specs.Spec) { s.Linux.Namespaces = s.Linux.Namespaces[1:] }, "own pid namespace"},
		{"unknown capability", func(s *specs.Spec) { s.Process.Capabilities.Bounding = []string{"CAP_MAGIC"} }, "CAP_MAGIC"},
		{"inheritable capability", func(s *specs.Spec) { s.Process.Capabilities.Inheritable = []string{"CAP_KILL"} }, "inheritable"},
		{"mount on the root", func(s *specs.Spec) { s.Mounts[0].Destination = "/" }, "mount destination"},
		{"mount destination with ..", func(s *specs.Spec) { s.Mounts[0].Destination = "/proc/../etc" }, "mount destination"},
		{"bind mount on /proc", func(s *specs.Spec) { s.Mounts[0].Type = "bind" }, "procfs alone"},
		{"mount below /proc", func(s *specs.Spec) { s.Mounts[1].Destination = "/proc/self/attr" }, "procfs alone"},
		{"umask", func(s *specs.Spec) { s.Process.User.Umask = new(uint32) }, "process.user.umask"},
		{"scheduler", func(s *specs.Spec) { s.Process.Scheduler = &specs.Scheduler{} }, "process.scheduler"},
		{"I/O priority", func(s *specs.Spec) { s.Process.IOPriority = &specs.LinuxIOPriority{} }, "process.ioPriority"},
		{"affinity", func(s *specs.Spec) { s.Process.ExecCPUAffinity = &specs.CPUAffinity{} }, "process.execCPUAffinity"},
		{"cache allocation", func(s *specs.Spec) { s.Linux.IntelRdt = &specs.LinuxIntelRdt{} }, "linux.intelRdt"},
		{"memory policy", func(s *specs.Spec) { s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{} }, "linux.memoryPolicy"},
		{"personality", func(s *specs.Spec) { s.Linux.Personality = &specs.LinuxPersonality{} }, "linux.personality"},
		{"block device", func(s *specs.Spec) { s.Linux.Devices[0].Type = "b" }, "only c"},
		{"device path", func(s *specs.Spec) { s.Linux.Devices[0].Path = "/dev/../null" }, "device path"},
		{"owner of a device", func(s *specs.Spec) { s.Linux.Devices[0].UID = &[]uint32{7}[0] }, "an owner"},
		{"mode of a device", func(s *specs.Spec) { s.Linux.Devices[0].FileMode = new(os.FileMode) }, "0666"},
		{"limit of nothing", func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_LUCK"}} }, "RLIMIT_LUCK"},
		{"soft over hard", func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CPU", Soft: 2, Hard: 1}} }, "over hard"},
		{"oom score", func(s *specs.Spec) { s.Process.OOMScoreAdj = new(int); *s.Process.OOMScoreAdj = 1001 }, "-1000..1000"},
		{"sysctl of the machine", func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.core_pattern": "x"} }, "whole machine"},
		{"AppArmor profile", func(s *specs.Spec) { s.Process.ApparmorProfile = "a b" }, "not a name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := NewSpec(options(nil))
			tt.change(spec)
			require.ErrorContains(t, Validate(spec), tt.want)
		})
	}
}

func addNamespace(kind specs.LinuxNamespaceType, path string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: path})
	}
}

func TestMergeEnv(t *testing.T) {
	merged := mergeEnv([]string{"PATH=/bin", "A=1"}, []string{"B=2", "PATH=/opt", "B=3=4"})
	require.Equal(t, []string{"PATH=/opt", "A=1", "B=3=4"}, merged)
	require.Equal(t, "3=4", lookupEnv(merged, "B"))
	require.Empty(t, lookupEnv(merged, "C"))
}

func TestCapabilityNames(t *testing.T) {
	mask, err := capMask([]string{"CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"})
	require.NoError(t, err)
	require.Equal(t, uint64(1|1<<40), mask)
	require.Equal(t, []string{"CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_63"}, inspect.CapabilityNames(mask|1<<63))
	require.Empty(t, inspect.CapabilityNames(0))
}
