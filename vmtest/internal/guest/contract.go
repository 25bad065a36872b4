package guest

// Mount is one file system of the guest contract.
type Mount struct {
	// Target is where it is mounted.
	Target string
	// Type is the file system type, Source what /proc/mounts shows as device.
	Type string
	// Source is a device, or the type's name for file systems without one.
	Source string
	// Options are mount(8) options.
	Options string
	// Fallback is tried when an older kernel refuses Options.
	Fallback string
	// Required stops the boot when the mount fails; otherwise Hello carries a warning.
	Required bool
	// Reason says what needs it.
	Reason string
}

// earlyMounts are made in the initramfs and moved to the root disk: finding
// that disk needs all three.
var earlyMounts = []Mount{
	{Target: "/proc", Type: "proc", Source: "proc", Options: "nosuid,nodev,noexec", Required: true,
		Reason: "processes, sysctls"},
	{Target: "/sys", Type: "sysfs", Source: "sysfs", Options: "nosuid,nodev,noexec", Required: true,
		Reason: "devices; init finds its disks and channel here"},
	{Target: "/dev", Type: "devtmpfs", Source: "devtmpfs", Options: "nosuid,mode=0755", Required: true,
		Reason: "device nodes made by the kernel; there is no udev"},
}

// lateMounts are made on the root disk, in this order.
var lateMounts = []Mount{
	{Target: "/dev/pts", Type: "devpts", Source: "devpts",
		// newinstance is implied since 4.7 and still accepted; gid 5 is Debian's tty.
		Options: "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5", Required: true,
		Reason: "terminals"},
	{Target: "/dev/shm", Type: "tmpfs", Source: "tmpfs", Options: "nosuid,nodev,mode=1777", Required: true,
		Reason: "POSIX shared memory"},
	{Target: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: "nosuid,nodev,noexec",
		Reason: "POSIX message queues"},
	{Target: "/run", Type: "tmpfs", Source: "tmpfs", Options: "nosuid,nodev,mode=0755", Required: true,
		Reason: "ip netns and daemons keep state here"},
	{Target: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: "nosuid,nodev,mode=1777", Required: true,
		Reason: "TMPDIR and artifacts"},
	{Target: "/sys/fs/cgroup", Type: "cgroup2", Source: "cgroup2",
		Options: "nosuid,nodev,noexec,nsdelegate,memory_recursiveprot",
		// memory_recursiveprot came with 5.7.
		Fallback: "nosuid,nodev,noexec,nsdelegate", Required: true,
		Reason: "control groups, the options systemd uses"},
	{Target: "/sys/fs/bpf", Type: "bpf", Source: "bpf", Options: "nosuid,nodev,noexec,mode=0700",
		Reason: "BPF pins; empty, without the kernel's preloaded iterators"},
	{Target: "/sys/kernel/tracing", Type: "tracefs", Source: "tracefs", Options: "nosuid,nodev,noexec",
		Reason: "trace events and kprobes"},
	{Target: "/sys/kernel/debug", Type: "debugfs", Source: "debugfs", Options: "nosuid,nodev,noexec",
		Reason: "tools that look for tracing under debug"},
	{Target: "/sys/kernel/security", Type: "securityfs", Source: "securityfs", Options: "nosuid,nodev,noexec",
		Reason: "lists the active LSMs"},
	{Target: "/sys/kernel/config", Type: "configfs", Source: "configfs", Options: "nosuid,nodev,noexec",
		Reason: "only where built in: loading the module costs a process"},
}

// Mounts lists the contract's file systems apart from the disks, in mount order.
func Mounts() []Mount {
	return append(append([]Mount{}, earlyMounts...), lateMounts...)
}

// Disk is one virtio block device of the guest contract, named by its serial.
type Disk struct {
	// Serial is the virtio serial number, the X of /dev/disk/by-id/virtio-X.
	Serial string
	// Target is where it is mounted, empty for a raw disk.
	Target string
	// Options are mount(8) options.
	Options string
	// Reason says what it is for.
	Reason string
}

var (
	rootDisk    = Disk{Serial: "root", Target: "/", Options: "", Reason: "Debian userland; changes vanish with the machine"}
	modulesDisk = Disk{Serial: "modules", Target: "/usr/lib/modules", Options: "ro", Reason: "every module of this kernel, so that autoloading works"}
	payloadDisk = Disk{Serial: "payload", Target: "/payload", Options: "ro", Reason: "what is under test; opened only after Resume, so that a restored machine sees new content"}
	scratchDisk = Disk{Serial: "scratch", Reason: "raw, for swap, io limits and block tracing"}
)

// Disks lists the contract's disks; only the root disk must be there.
func Disks() []Disk { return []Disk{rootDisk, modulesDisk, payloadDisk, scratchDisk} }

// Sysctl is one kernel setting that init changes.
type Sysctl struct {
	// Name is dotted, as sysctl(8) prints it.
	Name string
	// Value is what is written.
	Value string
	// Reason says why the kernel's default will not do.
	Reason string
}

// sysctls are few on purpose: a test that passes only because of a friendly
// setting is worth little. What is deliberately left alone: panic_on_oops and
// panic_on_oom (an oops is charged to its test and the others still run),
// unprivileged_bpf_disabled, kptr_restrict, user and cgroup limits.
var sysctls = []Sysctl{
	{"kernel.panic_on_oops", "0", "an oops is charged to the test that ran; the others still run"},
	{"kernel.printk_devkmsg", "on", "lines that tests write to /dev/kmsg are not rate limited"},
	{"kernel.watchdog_thresh", "30", "emulated CPUs stand still for seconds on a busy host"},
	{"kernel.perf_event_paranoid", "2", "the upstream default; Debian's 3 refuses CAP_PERFMON without root"},
	{"kernel.pid_max", "4194304", "what 64-bit systems with systemd have"},
	{"fs.protected_symlinks", "1", "what systemd sets"},
	{"fs.protected_hardlinks", "1", "what systemd sets"},
}

// Sysctls lists the kernel settings that init changes.
func Sysctls() []Sysctl { return append([]Sysctl{}, sysctls...) }

// Hostname is the machine's name.
const Hostname = "vmtest"

// openFiles are the RLIMIT_NOFILE limits of commands: systemd's defaults, since
// the kernel's hard limit of 4096 is below what servers ask for.
const (
	openFilesSoft = 1024
	openFilesHard = 524288
)
