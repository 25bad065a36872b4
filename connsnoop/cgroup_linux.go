package connsnoop

import (
	"bytes"
	"slices"
	"strings"
)

// maxPaths bounds the paths that are remembered here; those that were
// forgotten may still be in the kernel's map.
const maxPaths = 16384

// cgroupPath is what the kernel noted when the first connection of this cgroup
// was opened: the cgroup may be gone by now. A path never changes in cgroup v2.
func (t *Tracer) cgroupPath(id uint64) string {
	if id == 0 {
		return ""
	}
	if path, ok := t.paths[id]; ok {
		return path
	}
	var raw rawCgroupPath
	if err := t.objects.Maps[probesMapCgroupPaths].Lookup(id, &raw); err != nil {
		return ""
	}
	path := raw.path()
	if path != "" && len(t.paths) < maxPaths {
		t.paths[id] = path
	}
	return path
}

// path turns names from the leaf to the root into a path, or into nothing if
// they are not all there.
func (r *rawCgroupPath) path() string {
	if r.Length == 0 || int(r.Length) > len(r.Names) {
		return ""
	}
	names := bytes.Split(r.Names[:r.Length-1], []byte{0})
	var path strings.Builder
	for _, name := range slices.Backward(names) {
		if len(name) > 0 {
			path.WriteByte('/')
			path.Write(name)
		}
	}
	if path.Len() == 0 {
		return "/"
	}
	return path.String()
}
