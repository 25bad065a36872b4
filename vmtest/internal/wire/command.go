package wire

// Run starts a command in a session of its own (setsid(2)).
type Run struct {
	// Argv is the program and its arguments; a name without a slash is looked
	// up in the PATH of Env.
	Argv []string `json:"argv"`
	// Env is the whole environment as KEY=value, exactly as the command sees it.
	Env []string `json:"env,omitempty"`
	// Dir is the working directory, "/" when empty.
	Dir string `json:"dir,omitempty"`
	// UID and GID are the command's user and group; supplementary groups are cleared.
	UID uint32 `json:"uid,omitempty"`
	// GID: see UID.
	GID uint32 `json:"gid,omitempty"`
	// Modules are loaded with modprobe(8) before the start.
	Modules []string `json:"modules,omitempty"`
	// OutDir is created for the command's artifacts, owned by UID and GID; it
	// must be new or empty.
	OutDir string `json:"out_dir,omitempty"`
	// TTY gives the command a controlling terminal; its output is all Stdout.
	TTY bool `json:"tty,omitempty"`
	// OutputLimitBytes bounds Stdout and Stderr together: 0 means
	// [DefaultOutputLimitBytes], a negative value no limit. What exceeds it is
	// read and dropped.
	OutputLimitBytes int64 `json:"output_limit_bytes,omitempty"`
}

// DefaultOutputLimitBytes is the output limit of a Run that names none.
const DefaultOutputLimitBytes = 16 << 20

// Started says that the program was executed.
type Started struct {
	// PID is the command's process, session and group id in the guest.
	PID int `json:"pid"`
}

// Exit ends a command. All its output and kernel log lines came before it.
type Exit struct {
	// Code is the exit status, or 128 + Signal, or 126/127 with Error.
	Code int `json:"code"`
	// Signal is the number of the signal that ended it, 0 when none did.
	Signal int `json:"signal,omitempty"`
	// Error says why the command could not be started; empty when it ran.
	Error string `json:"error,omitempty"`
	// DurationNS is the time from start to exit in nanoseconds.
	DurationNS int64 `json:"duration_ns"`
	// UserNS is CPU time in user mode of the command and the children it waited for.
	UserNS int64 `json:"user_ns"`
	// SystemNS is the same in kernel mode.
	SystemNS int64 `json:"system_ns"`
	// MaxRSSBytes is the peak resident set (getrusage(2), ru_maxrss). The kernel
	// counts what the process was before execve(2), so it is never below the
	// resident set of init, some 10 MiB.
	MaxRSSBytes int64 `json:"max_rss_bytes"`
	// Leftover names the processes that were still there and were killed.
	Leftover []string `json:"leftover,omitempty"`
	// LeftBehind names what else the command changed for good: mounts, cgroups,
	// BPF pins, network links and namespaces, trace events, swap.
	LeftBehind []string `json:"left_behind,omitempty"`
	// StdoutBytes counts what the command wrote, sent or dropped.
	StdoutBytes int64 `json:"stdout_bytes"`
	// StderrBytes is the same for standard error.
	StderrBytes int64 `json:"stderr_bytes"`
	// Truncated is true when output was dropped at the limit.
	Truncated bool `json:"truncated,omitempty"`
}

// Signal asks for kill(2). A command that has ended is not an error.
type Signal struct {
	// Num is the signal number on Linux.
	Num int `json:"num"`
	// Group sends it to the command's process group instead of its process.
	Group bool `json:"group,omitempty"`
}

// Winsize is the size of a terminal in character cells.
type Winsize struct {
	// Rows is the height.
	Rows uint16 `json:"rows"`
	// Cols is the width.
	Cols uint16 `json:"cols"`
}
