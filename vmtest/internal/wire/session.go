package wire

// Hello is the guest's first frame, sent once the machine could run commands.
type Hello struct {
	// Protocol is [Protocol] of the guest's build.
	Protocol int `json:"protocol"`
	// Release is uname -r.
	Release string `json:"release"`
	// BootID is /proc/sys/kernel/random/boot_id.
	BootID string `json:"boot_id"`
	// UptimeNS is CLOCK_BOOTTIME in nanoseconds.
	UptimeNS int64 `json:"uptime_ns"`
	// CPUCount is the number of online CPUs.
	CPUCount int `json:"cpu_count"`
	// MemoryBytes is MemTotal of /proc/meminfo.
	MemoryBytes int64 `json:"memory_bytes"`
	// Warnings are optional parts of the guest contract that this kernel refused.
	Warnings []string `json:"warnings,omitempty"`
}

// Resume gives the machine what a snapshot cannot hold: the time, fresh
// entropy and the payload disk's present content.
type Resume struct {
	// TimeUnixNS is the wall clock in nanoseconds since 1970.
	TimeUnixNS int64 `json:"time_unix_ns"`
	// Seed is 32 random bytes for the kernel's generator (random(4)).
	Seed []byte `json:"seed"`
	// Binds are pieces of the payload disk with a place of their own, parents
	// before what lies in them. With any, the disk is mounted writable.
	Binds []Bind `json:"binds,omitempty"`
}

// Bind puts a file or directory of the payload disk to another place.
type Bind struct {
	// Source is its name below /payload, without a slash in front; "" only makes
	// the directory Target, unless it is there, for everybody to write to.
	Source string `json:"source,omitempty"`
	// Target is absolute; what is missing of it is made.
	Target string `json:"target"`
}

// Ready says that Resume was carried out. The lines that the kernel logged
// before it have come as Kmsg frames, so those after it belong to commands.
type Ready struct {
	// UptimeNS is CLOCK_BOOTTIME in nanoseconds.
	UptimeNS int64 `json:"uptime_ns"`
	// Payload is true when a disk with serial "payload" is mounted on /payload.
	Payload bool `json:"payload"`
	// TimeUnixNS is the wall clock when this was sent, in nanoseconds since 1970.
	TimeUnixNS int64 `json:"time_unix_ns"`
}

// Clock corrects the wall clock by what it lags behind the host.
type Clock struct {
	// AdvanceNS is added to the clock, in nanoseconds; it may be negative.
	AdvanceNS int64 `json:"advance_ns"`
}

// Heartbeat shows that init is alive.
type Heartbeat struct {
	// UptimeNS is CLOCK_BOOTTIME in nanoseconds.
	UptimeNS int64 `json:"uptime_ns"`
	// Running is the number of commands that have not exited.
	Running int `json:"running"`
}

// Kmsg is one record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg).
type Kmsg struct {
	// Seq is the kernel's record number; a gap means that the ring overflowed.
	Seq uint64 `json:"seq"`
	// Level is the syslog severity, 0 (emergency) to 7 (debug).
	Level int `json:"level"`
	// Facility is the syslog facility: 0 for the kernel, else user space wrote it.
	Facility int `json:"facility"`
	// TimeNS is the record's time since boot in nanoseconds (microsecond steps).
	TimeNS int64 `json:"time_ns"`
	// Text is the line, unprintable bytes escaped by the kernel as \xNN.
	Text string `json:"text"`
}

// Done is the guest's last frame: disks are synced and nothing runs.
type Done struct {
	// FramesSent counts the guest's frames including this one.
	FramesSent uint64 `json:"frames_sent"`
	// Runs counts the Exit frames sent.
	Runs int `json:"runs"`
}

// Error says why something failed; id 0 is followed by the guest's power-off.
type Error struct {
	// Message is for people.
	Message string `json:"message"`
	// Missing is a Get of something that is not there.
	Missing bool `json:"missing,omitempty"`
}
