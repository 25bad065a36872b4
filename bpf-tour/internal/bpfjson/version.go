package bpfjson

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a bpftrace version, such as 0.23.2.
type Version struct{ Major, Minor, Patch int }

// ParseVersion reads the output of `bpftrace --version`, such as
// "bpftrace v0.23.2", and bare versions such as "0.23". What follows the
// number, such as "-rc1" or "-42-gabc", is not looked at.
func ParseVersion(s string) (Version, error) {
	text := strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "bpftrace")), "v")
	end := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		text = text[:end]
	}
	parts := strings.Split(text, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return Version{}, fmt.Errorf("parse bpftrace version %q: want two or three numbers", s)
	}
	var n [3]int
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return Version{}, fmt.Errorf("parse bpftrace version %q: %w", s, err)
		}
		n[i] = int(v)
	}
	return Version{n[0], n[1], n[2]}, nil
}

// AtLeast says whether v is major.minor or newer.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// String returns the version as "0.23.2".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }
