package wire

// DefaultGetLimitBytes is the size limit of a Get that names none.
const DefaultGetLimitBytes = 64 << 20

// MaxGetFiles bounds the number of files of one Get.
const MaxGetFiles = 4096

// Put announces one regular file. Its content follows as Data frames; it
// appears under its name only when DataEnd has come.
type Put struct {
	// Path is absolute; missing parent directories are made with mode 0755.
	Path string `json:"path"`
	// Mode is the permission bits.
	Mode uint32 `json:"mode"`
}

// Get asks for the regular files in and below a directory, or for one file.
// The answer is a tar stream with paths relative to Path. Symbolic links and
// special files are never followed or opened, only named in [DataEnd].
type Get struct {
	// Path is absolute.
	Path string `json:"path"`
	// LimitBytes bounds the sum of the file sizes; 0 means [DefaultGetLimitBytes].
	LimitBytes int64 `json:"limit_bytes,omitempty"`
	// SinceUnixNS leaves out files that were last modified before it, in
	// nanoseconds since 1970; 0 leaves out none.
	SinceUnixNS int64 `json:"since_unix_ns,omitempty"`
}

// DataEnd completes a transfer.
type DataEnd struct {
	// SizeBytes is the number of Data bytes before it.
	SizeBytes int64 `json:"size_bytes"`
	// FileCount is the number of files in a Get's answer.
	FileCount int `json:"file_count,omitempty"`
	// Skipped names what a Get left out because it was not a regular file.
	Skipped []string `json:"skipped,omitempty"`
}

// Ack says how much arrived.
type Ack struct {
	// SizeBytes is the input passed on since the last Ack, or a Put's size.
	SizeBytes int64 `json:"size_bytes"`
}
