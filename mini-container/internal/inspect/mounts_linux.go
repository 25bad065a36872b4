package inspect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// parseMounts reads mountinfo, see proc_pid_mountinfo(5).
func parseMounts(text string) ([]Mount, error) {
	infos, err := mountinfo.GetMountsFromReader(strings.NewReader(text), nil)
	if err != nil {
		return nil, fmt.Errorf("parse mounts: %w", err)
	}
	mounts := []Mount{}
	for _, info := range infos {
		m := Mount{
			ID: info.ID, Parent: info.Parent, Device: fmt.Sprintf("%d:%d", info.Major, info.Minor),
			Root: info.Root, Target: info.Mountpoint, Type: info.FSType, Source: info.Source,
			Options: strings.Split(info.Options, ","), SuperOptions: strings.Split(info.VFSOptions, ","),
			Propagation: strings.Fields(info.Optional),
		}
		if len(m.Propagation) == 0 {
			m.Propagation = []string{"private"}
		}
		m.ReadOnly = slices.Contains(m.Options, "ro") || slices.Contains(m.SuperOptions, "ro")
		m.IDMapped = slices.Contains(m.Options, "idmapped")
		mounts = append(mounts, m)
	}
	return mounts, nil
}
