package mountflags

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestKept(t *testing.T) {
	for _, tt := range []struct {
		name string
		st   int64
		want uintptr
	}{
		{"nothing", 0, 0},
		{"what is the same", unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC, unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{"times", unix.ST_NOATIME | unix.ST_NODIRATIME, unix.MS_NOATIME | unix.MS_NODIRATIME},
		{"relatime", unix.ST_RELATIME, unix.MS_RELATIME},
		{"nosymfollow", noSymFollow, unix.MS_NOSYMFOLLOW},
		{"what is none of the mount's", unix.ST_MANDLOCK | unix.ST_SYNCHRONOUS, 0},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, Kept(tt.st)) })
	}
}
