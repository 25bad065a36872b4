package aptsources

import (
	"slices"
	"strings"
)

// Source is one enabled "deb" entry of the machine's apt configuration.
// Options other than signed-by are dropped. See sources.list(5).
type Source struct {
	URIs       []string // as written, without the trailing slash
	Suites     []string // e.g. "bookworm", "bookworm-security"
	Components []string // e.g. "main"; empty for a flat repository
	SignedBy   string   // keyring path, fingerprint or key block; "" if not given
}

// codenames are the releases a Debian mirror may serve, and their aliases.
var codenames = []string{
	"buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid",
	"oldoldstable", "oldstable", "stable", "testing", "unstable",
}

// servesDebian reports whether s looks like Debian's own archive: component
// main, and no keyring but Debian's.
func (s Source) servesDebian() bool {
	if !slices.Contains(s.Components, "main") {
		return false
	}
	return s.SignedBy == "" || strings.Contains(s.SignedBy, "debian-archive")
}

// isSecurity reports whether suite is one of the security archive:
// "bookworm-security", or "buster/updates" of old.
func isSecurity(suite string) bool {
	base, ok := strings.CutSuffix(suite, "-security")
	if !ok {
		base, ok = strings.CutSuffix(suite, "/updates")
	}
	return ok && slices.Contains(codenames, base)
}

// isRelease reports whether suite is a release of the main archive, or one of
// its -updates, -backports and similar suites.
func isRelease(suite string) bool {
	base, suffix, _ := strings.Cut(suite, "-")
	suffixes := []string{"", "updates", "backports", "backports-sloppy", "proposed-updates"}
	return slices.Contains(codenames, base) && slices.Contains(suffixes, suffix)
}
