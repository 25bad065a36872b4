package minicontainer

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// SubIDs reads from etc, which is /etc, what subuid(5) and subgid(5) grant to
// a user, and returns maps for a container: id 0 is the user, 1 and up are the
// granted range. For user 0 the granted range starts at 0, so that root inside
// is nobody outside.
func SubIDs(etc fs.FS, user string, uid, gid uint32) (uids, gids []specs.LinuxIDMapping, err error) {
	if uids, err = subIDs(etc, "subuid", user, uid, uid); err != nil {
		return nil, nil, err
	}
	gids, err = subIDs(etc, "subgid", user, uid, gid)
	return uids, gids, err
}

func subIDs(etc fs.FS, file, user string, uid, self uint32) ([]specs.LinuxIDMapping, error) {
	text, err := fs.ReadFile(etc, file)
	if err != nil {
		return nil, fmt.Errorf("read ids granted to %s: %w", user, err)
	}
	start, count, err := parseSubIDs(string(text), user, uid)
	if err != nil {
		return nil, fmt.Errorf("read /etc/%s: %w", file, err)
	}
	if uid == 0 {
		return []specs.LinuxIDMapping{{ContainerID: 0, HostID: start, Size: count}}, nil
	}
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: self, Size: 1}, {ContainerID: 1, HostID: start, Size: count}}, nil
}

// parseSubIDs returns the first range of a user, who is listed by name or by
// number.
func parseSubIDs(text, user string, uid uint32) (start, count uint32, err error) {
	number := strconv.FormatUint(uint64(uid), 10)
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if fields[0] != user && fields[0] != number {
			continue
		}
		if len(fields) != 3 {
			return 0, 0, fmt.Errorf("line %q is not NAME:START:COUNT", strings.TrimSpace(line))
		}
		first, err := strconv.ParseUint(fields[1], 10, 32)
		if err != nil {
			return 0, 0, fmt.Errorf("start in line %q: %w", strings.TrimSpace(line), err)
		}
		size, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil || size == 0 || first+size > 1<<32 {
			return 0, 0, fmt.Errorf("count in line %q is not a number of ids", strings.TrimSpace(line))
		}
		return uint32(first), uint32(size), nil
	}
	return 0, 0, fmt.Errorf("no range for user %s", user)
}
