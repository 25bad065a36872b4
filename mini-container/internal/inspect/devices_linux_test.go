package inspect

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// withPrograms answers for a kernel: what is attached, by cgroup, and what is
// asked for the recorded process.
func withPrograms(t *testing.T, attached map[string][]Program, effective []Program) *Kernel {
	k := recorded(t)
	k.Devices = func(dir string, all bool) ([]Program, error) {
		if all {
			require.Equal(t, filepath.Join(k.Cgroup, "mini-container/demo"), dir)
			return effective, nil
		}
		path, err := filepath.Rel(k.Cgroup, dir)
		require.NoError(t, err)
		return attached[path], nil
	}
	return k
}

func inspected(t *testing.T, k *Kernel) *Report {
	t.Helper()
	r, err := k.Inspect(recordedPID)
	require.NoError(t, err)
	requireSchema(t, r)
	return r
}

func reportText(t *testing.T, r *Report) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, r.Text(&out, false))
	return out.String()
}

// TestDevicePrograms: one attached here, one replaced by it, one above the
// reader's cgroup namespace.
func TestDevicePrograms(t *testing.T) {
	ours := Program{ID: 12, Name: "mc_devices", Tag: "3918c82a5f4c0360"}
	replaced := Program{ID: 9, Problem: unix.EPERM}
	r := inspected(t, withPrograms(t, map[string][]Program{"mini-container/demo": {ours}, ".": {replaced}}, []Program{ours, {ID: 3, Problem: unix.EPERM}}))
	require.Equal(t, []DeviceProgram{
		{ID: 12, Name: "mc_devices", Tag: "3918c82a5f4c0360", Cgroup: "/mini-container/demo", Effective: true},
		{ID: 9, Cgroup: "/"},
		{ID: 3, Effective: true},
	}, r.Cgroup.DevicePrograms)
	names := 0
	for _, u := range r.Unknown {
		if u.Field == "cgroup.device_programs.name" {
			names++
			require.Contains(t, u.Reason, "CAP_SYS_ADMIN")
		}
	}
	require.Equal(t, 1, names, "said once")
	text := strings.Join(strings.Fields(reportText(t, r)), " ")
	require.Contains(t, text, "mc_devices 12 3918c82a5f4c0360 /mini-container/demo yes")
	require.Contains(t, text, "- 9 - / no, one below replaces it")
	require.Contains(t, text, "- 3 - above what you see yes")
}

func TestNoDevicePrograms(t *testing.T) {
	r := inspected(t, withPrograms(t, nil, nil))
	require.NotNil(t, r.Cgroup.DevicePrograms, "none is known, not unknown")
	require.Contains(t, reportText(t, r), "no BPF program decides over devices")
	require.NotContains(t, reportText(t, inspected(t, recorded(t))), "BPF", "nobody asked")
}

func TestDeviceProgramsUnknown(t *testing.T) {
	for err, want := range map[error]string{unix.EPERM: "CAP_NET_ADMIN", errNoQuery: "this kernel has no", errors.New("odd"): "odd"} {
		k := recorded(t)
		k.Devices = func(string, bool) ([]Program, error) { return nil, err }
		r := inspected(t, k)
		require.Nil(t, r.Cgroup.DevicePrograms)
		require.NotEmpty(t, r.Cgroup.Limits, "these are known")
		require.Contains(t, r.Unknown[len(r.Unknown)-1].Field, "cgroup.device_programs")
		require.Contains(t, r.Unknown[len(r.Unknown)-1].Reason, want)
	}
	k := withPrograms(t, nil, nil)
	write("cgroup", "0::/x (deleted)\n")(t, k)
	require.Contains(t, inspected(t, k).Unknown, Unknown{"cgroup.device_programs", "the cgroup has been removed"})
}

// TestDevices asks the running kernel, as whoever runs the test.
func TestDevices(t *testing.T) {
	_, err := Devices("/nowhere", false)
	require.Error(t, err)
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, errNoQuery) {
		require.ErrorIs(t, err, unix.ENOENT)
	}
}
