package kernel

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a kernel version; Patch is 0 where a release does not name one.
type Version struct{ Major, Minor, Patch int }

// Parse reads the version at the head of a release string as uname(2) gives
// it: "6.12.117+deb13-cloud-amd64", "5.10.0-46-cloud-amd64", "7.2". Debian's
// older releases carry the ABI number, not the patch level, after the dash;
// the patch level is then 0.
func Parse(release string) (Version, error) {
	head := release
	if i := strings.IndexFunc(release, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		head = release[:i]
	}
	parts := strings.Split(head, ".")
	if len(parts) < 2 || len(parts) > 4 {
		return Version{}, fmt.Errorf("parse kernel release %q: want MAJOR.MINOR", release)
	}
	var numbers [3]int
	for i, part := range parts[:min(3, len(parts))] {
		n, err := strconv.Atoi(part)
		if err != nil || n > 1<<16 {
			return Version{}, fmt.Errorf("parse kernel release %q: bad number %q", release, part)
		}
		numbers[i] = n
	}
	return Version{numbers[0], numbers[1], numbers[2]}, nil
}

// AtLeast reports whether v is min or newer.
func (v Version) AtLeast(min Version) bool {
	if v.Major != min.Major {
		return v.Major > min.Major
	}
	if v.Minor != min.Minor {
		return v.Minor > min.Minor
	}
	return v.Patch >= min.Patch
}

// Series is the MAJOR.MINOR part: "6.12".
func (v Version) Series() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// String is MAJOR.MINOR, with .PATCH unless that is 0.
func (v Version) String() string {
	if v.Patch == 0 {
		return v.Series()
	}
	return fmt.Sprintf("%s.%d", v.Series(), v.Patch)
}
