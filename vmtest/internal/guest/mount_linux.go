package guest

import (
	"strings"

	"golang.org/x/sys/unix"
)

var mountFlags = map[string]uintptr{
	"ro":     unix.MS_RDONLY,
	"nosuid": unix.MS_NOSUID,
	"nodev":  unix.MS_NODEV,
	"noexec": unix.MS_NOEXEC,
}

// parseOptions splits mount(8) options into the flags of mount(2) and the
// string that the file system reads itself.
func parseOptions(options string) (flags uintptr, data string) {
	var rest []string
	for option := range strings.SplitSeq(options, ",") {
		if flag, ok := mountFlags[option]; ok {
			flags |= flag
		} else if option != "" {
			rest = append(rest, option)
		}
	}
	return flags, strings.Join(rest, ",")
}
