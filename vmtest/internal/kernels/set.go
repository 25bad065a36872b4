package kernels

import (
	"regexp"
	"slices"
)

// candidate is one kernel package that an index or a directory lists.
type candidate struct {
	Name           string `json:"name"`
	Version        string `json:"version"`
	File           string `json:"file"` // base name of the .deb
	SHA256         string `json:"sha256"`
	SizeBytes      int64  `json:"size_bytes"`
	InstalledBytes int64  `json:"installed_bytes"`
}

// packageForm matches the packages of a cloud kernel for amd64. A digit right
// after the role leaves out linux-binary-unsigned-*, three numbers leave out
// metapackages, and the end leaves out -unsigned and -dbg.
var packageForm = regexp.MustCompile(
	`^linux-(image|binary|modules|base)-([0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+~]*(?:-[0-9A-Za-z.+~]+)?-cloud-amd64)$`)

// splitName returns a package's role and its kernel release.
func splitName(name string) (role, release string, ok bool) {
	m := packageForm.FindStringSubmatch(name)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// set is the packages that make one bootable kernel.
type set struct {
	release  string
	version  string
	suite    string
	packages []candidate
}

// downloadBytes is the size of the set's packages.
func (s set) downloadBytes() int64 {
	var sum int64
	for _, p := range s.packages {
		sum += p.SizeBytes
	}
	return sum
}

// needBytes is about what downloading and unpacking takes at its peak.
func (s set) needBytes() int64 {
	const slack = 8 << 20 // modules.dep and its companions
	need := s.downloadBytes() + slack
	for _, p := range s.packages {
		if p.InstalledBytes > 0 {
			need += p.InstalledBytes
		} else {
			need += 4 * p.SizeBytes
		}
	}
	return need
}

// completeSets groups the packages of a series by release and version and
// returns those that can be booted, newest first.
func completeSets(series, suite string, packages []candidate) []set {
	type key struct{ release, version string }
	roles := map[key]map[string]candidate{}
	for _, p := range packages {
		role, release, ok := splitName(p.Name)
		if !ok || !matches(series, p.Version) {
			continue
		}
		k := key{release, p.Version}
		if roles[k] == nil {
			roles[k] = map[string]candidate{}
		}
		roles[k][role] = p
	}
	var sets []set
	for k, r := range roles {
		if needed := pick(r); needed != nil {
			sets = append(sets, set{k.release, k.version, suite, needed})
		}
	}
	sortNewest(sets)
	return sets
}

// pick returns the packages to install, or nil when one is missing. Up to
// 6.18 the image holds everything; from 6.19 on it is empty and the other
// three hold the kernel (modules.builtin is in base).
func pick(r map[string]candidate) []candidate {
	image, hasImage := r["image"]
	binary, hasBinary := r["binary"]
	modules, hasModules := r["modules"]
	base, hasBase := r["base"]
	switch {
	case hasBinary && hasModules && hasBase:
		return []candidate{base, binary, modules}
	case hasBinary || hasModules || !hasImage:
		return nil
	case hasBase:
		return []candidate{base, image}
	}
	return []candidate{image}
}

// sortNewest orders sets by version, newest first; equal versions keep the
// order of their release names so that the choice is always the same.
func sortNewest(sets []set) {
	slices.SortFunc(sets, func(a, b set) int {
		if c := CompareVersions(b.version, a.version); c != 0 {
			return c
		}
		return CompareVersions(b.release, a.release)
	})
}
