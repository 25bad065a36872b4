package kernels

import (
	"net/url"
	"path"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/aptsources"
)

// Mirror names where Debian's two archives are. Either may be empty.
type Mirror struct {
	Main     string // URI that has dists/<suite> for all but security suites
	Security string // URI that has dists/<codename>-security
}

// uri returns the archive that has the suite, or "".
func (m Mirror) uri(suite string) string {
	if strings.HasSuffix(suite, "-security") {
		return m.Security
	}
	return m.Main
}

// PairMirrors puts the archives together by position, in the order they are
// to be tried. A main archive without a partner gets the security archive
// beside it (.../debian-security), where mirrors that carry both have it.
func PairMirrors(found aptsources.Mirrors) []Mirror {
	mirrors := make([]Mirror, max(len(found.Debian), len(found.Security)))
	for i, main := range found.Debian {
		mirrors[i] = Mirror{Main: main, Security: securityBeside(main)}
	}
	for i, security := range found.Security {
		mirrors[i].Security = security
	}
	return mirrors
}

func securityBeside(main string) string {
	if path.Base(main) == "debian" {
		return main + "-security"
	}
	return ""
}

// withoutPassword is a mirror's URI as it may appear in a message.
func withoutPassword(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "unreadable URI"
	}
	u.User = nil
	return u.String()
}
