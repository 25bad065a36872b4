package record

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// image is memory that starts at address 8.
type image []byte

func (m image) bytes(address uint64, n int) ([]byte, bool) {
	if address < 8 || address-8 > uint64(len(m)) || uint64(len(m))-(address-8) < uint64(n) {
		return nil, false
	}
	return m[address-8:][:n], true
}

func (m image) text(address uint64, most int) (string, bool) {
	if _, ok := m.bytes(address, 0); !ok {
		return "", false
	}
	data := m[address-8:]
	if end := slices.Index(data, 0); end >= 0 {
		return string(data[:min(end, most)]), true
	}
	return "", false
}

func TestCatalogue(t *testing.T) {
	page := regexp.MustCompile(`^[A-Za-z0-9_]+\([2-9](const)?\)$`)
	for name, info := range Catalogue() {
		require.Regexp(t, `^[a-z][a-z0-9_]*$`, name)
		require.NotEmpty(t, info.Purpose, name)
		require.NotEmpty(t, info.Without, name)
		require.Regexp(t, page, info.Man, name)
		require.LessOrEqual(t, len(info.args), 6, name)
		for _, kind := range info.args {
			require.Contains(t, decoders, kind, name)
		}
	}
}

func TestArguments(t *testing.T) {
	text := image("proc\x00/mnt\x00")
	clone := make(image, 88)
	clone[0], clone[3], clone[4], clone[80] = 0, 0x20, 2, 7 // CLONE_NEWPID, CLONE_INTO_CGROUP
	caps := make(image, 24)
	caps[0], caps[4], caps[12] = 1, 3, 2
	tests := []struct {
		name, kinds string
		values      [6]uint64
		memory      image
		want        []string
	}{
		{"mount", "sssMs", [6]uint64{8, 13, 8, 0x1001, 0}, text, []string{`"proc"`, `"/mnt"`, `"proc"`, "MS_RDONLY|MS_BIND", "NULL"}},
		{"not readable", "s", [6]uint64{4096}, text, []string{unreadable}},
		{"descriptors", "dd", [6]uint64{0xffffff9c, 0xffffffff}, nil, []string{"AT_FDCWD", "-1"}},
		{"unknown bits", "U", [6]uint64{0x12}, nil, []string{"MNT_DETACH|0x10"}},
		{"no flags", "MNx", [6]uint64{0, 0, 16}, nil, []string{"0x0", "no flags", "0x10"}},
		{"clone without signal", "C", [6]uint64{0x20000011}, nil, []string{"CLONE_NEWPID"}},
		{"time namespace", "N", [6]uint64{0x80}, nil, []string{"CLONE_NEWTIME"}},
		{"clone3", "Kd", [6]uint64{8, 88}, clone, []string{"CLONE_NEWPID|CLONE_INTO_CGROUP, cgroup 7", "88"}},
		{"clone3 not readable", "K", [6]uint64{8}, text, []string{unreadable}},
		{"prctl", "Px", [6]uint64{38, 1}, nil, []string{"PR_SET_NO_NEW_PRIVS", "0x1"}},
		{"dropped", "Px", [6]uint64{24, 21}, nil, []string{"PR_CAPBSET_DROP", "CAP_SYS_ADMIN"}},
		{"dropped unknown", "Px", [6]uint64{24, 63}, nil, []string{"PR_CAPBSET_DROP", "0x3f"}},
		{"ambient", "Px", [6]uint64{47, 4}, nil, []string{"PR_CAP_AMBIENT", "PR_CAP_AMBIENT_CLEAR_ALL"}},
		{"death", "Px", [6]uint64{1, 9}, nil, []string{"PR_SET_PDEATHSIG", "SIGKILL"}},
		{"filter", "Sxp", [6]uint64{1, 0, 8}, nil, []string{"SECCOMP_SET_MODE_FILTER", "0x0", "..."}},
		{"ioctl", "dI", [6]uint64{3, 0x8914}, nil, []string{"3", "SIOCSIFFLAGS"}},
		{"unknown ioctl", "dI", [6]uint64{3, 0x1}, nil, []string{"3", "0x1"}},
		{"unknown prctl", "P", [6]uint64{999}, nil, []string{"999"}},
		{"capset", "pV", [6]uint64{8, 8}, caps, []string{"...", "effective 0x200000001, permitted 0x3, inheritable 0x0"}},
		{"file system", "sf", [6]uint64{8, 1}, text, []string{`"proc"`, "FSOPEN_CLOEXEC"}},
		{"configure", "dcssd", [6]uint64{8, 6, 0, 0, 0}, nil, []string{"8", "FSCONFIG_CMD_CREATE", "NULL", "NULL", "0"}},
		{"unknown command", "c", [6]uint64{9}, nil, []string{"9"}},
		{"mount it", "dFa", [6]uint64{8, 1, 0xe}, nil, []string{"8", "FSMOUNT_CLOEXEC", "MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC"}},
		{"move it", "mA", [6]uint64{0x44, 0x8000}, nil, []string{"MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH", "AT_RECURSIVE"}},
		{"lock", "dL", [6]uint64{3, 6}, nil, []string{"3", "LOCK_EX|LOCK_NB"}},
		{"all above", "uRr", [6]uint64{3, 1<<32 - 1, 4}, nil, []string{"3", "~0", "CLOSE_RANGE_CLOEXEC"}},
		{"not all", "Rr", [6]uint64{7, 0}, nil, []string{"7", "0"}},
		{"pipe", "pO", [6]uint64{8, 0x80000}, nil, []string{"...", "O_CLOEXEC"}},
		{"mode and count", "ou", [6]uint64{0o755, 1 << 33}, nil, []string{"0755", "0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, arguments(tt.kinds, tt.values, tt.memory))
		})
	}
}

func TestMarks(t *testing.T) {
	var p place
	require.True(t, p.follow(BeginMark("clone")))
	require.Equal(t, place{step: "clone"}, p)
	require.True(t, p.follow(UndoMark("clone")))
	require.Equal(t, place{step: "clone", undo: true}, p)
	require.True(t, p.follow(ExecMark()))
	require.Equal(t, place{step: "exec", last: true}, p)
	require.False(t, p.follow("something else"))
	require.Equal(t, place{step: "exec", last: true}, p)
}

// FuzzArguments: whatever a process passes, it is shown and nothing else
// happens.
func FuzzArguments(f *testing.F) {
	f.Add("mount", uint64(8), uint64(13), uint64(0), []byte("proc\x00/mnt\x00"))
	f.Add("clone3", uint64(8), uint64(88), uint64(0), make([]byte, 88))
	f.Add("capset", uint64(0), uint64(8), uint64(0), make([]byte, 24))
	f.Fuzz(func(t *testing.T, name string, a, b, c uint64, memory []byte) {
		info := Catalogue()[name]
		shown := arguments(info.args, [6]uint64{a, b, c, a, b, c}, image(memory))
		require.Len(t, shown, len(info.args))
		_ = quietPrctls[a]
		new(place).follow(string(memory))
	})
}
