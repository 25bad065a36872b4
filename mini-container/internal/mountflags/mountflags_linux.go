// Package mountflags translates what a mount is like into what keeps it so.
package mountflags

import "golang.org/x/sys/unix"

// noSymFollow is ST_NOSYMFOLLOW, of Linux 5.10.
const noSymFollow = 0x2000

// Kept translates what statfs(2) says of a mount into what mount(2) wants to
// keep it as it is: in a user namespace no flag may be left out. The two agree
// except for the last two.
func Kept(st int64) uintptr {
	flags := uintptr(st & (unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC | unix.ST_NOATIME | unix.ST_NODIRATIME))
	if st&unix.ST_RELATIME != 0 {
		flags |= unix.MS_RELATIME
	}
	if st&noSymFollow != 0 {
		flags |= unix.MS_NOSYMFOLLOW
	}
	return flags
}
