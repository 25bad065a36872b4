package aptsources

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// EnvMirrors is the environment variable that replaces the machine's own
// mirrors: URIs separated by blanks or commas, best first. One whose path
// holds "security" is taken for a mirror of the security archive.
const EnvMirrors = "VMTEST_MIRRORS"

// ErrNoMirror says that no Debian mirror is configured anywhere.
var ErrNoMirror = errors.New("no Debian mirror in the machine's apt configuration: " +
	"name one with --mirror URI or " + EnvMirrors)

// Mirrors are base URIs of Debian archives, best first, without duplicates and
// without trailing slash.
type Mirrors struct {
	Debian   []string // serve dists/<release>
	Security []string // serve dists/<release>-security
}

// Find returns the mirrors to use: those of override (the value of VMTEST_MIRRORS
// or --mirror) when it names any, else those of the machine rooted at root. The
// error is ErrNoMirror when there is none that serves Debian releases.
func Find(root, override string) (Mirrors, error) {
	uris := strings.FieldsFunc(override, func(r rune) bool {
		return strings.ContainsRune(" ,\t\n", r)
	})
	if len(uris) > 0 {
		return fromURIs(uris)
	}
	sources, err := Load(root)
	if err != nil {
		return Mirrors{}, err
	}
	m := FromSources(sources)
	if len(m.Debian) == 0 {
		return Mirrors{}, ErrNoMirror
	}
	return m, nil
}

// FromSources picks the mirrors of Debian's archives from sources, in order.
func FromSources(sources []Source) Mirrors {
	var m Mirrors
	for _, s := range sources {
		if !s.servesDebian() {
			continue
		}
		if slices.ContainsFunc(s.Suites, isRelease) {
			m.Debian = appendMirrors(m.Debian, s.URIs)
		}
		if slices.ContainsFunc(s.Suites, isSecurity) {
			m.Security = appendMirrors(m.Security, s.URIs)
		}
	}
	return m
}

// fromURIs sorts the URIs a user gave into the two archives.
func fromURIs(uris []string) (Mirrors, error) {
	var m Mirrors
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme == "" {
			return Mirrors{}, fmt.Errorf("parse mirror %q: want a URI such as https://HOST/debian", uri)
		}
		if strings.Contains(u.Path, "security") {
			m.Security = appendMirrors(m.Security, trimURIs([]string{uri}))
		} else {
			m.Debian = appendMirrors(m.Debian, trimURIs([]string{uri}))
		}
	}
	if len(m.Debian) == 0 {
		return Mirrors{}, fmt.Errorf("parse mirrors %q: none but of the security archive", uris)
	}
	return m, nil
}

// appendMirrors adds what can be fetched over the network or from disk and is
// not in the list yet; cdrom: and its like cannot.
func appendMirrors(list, uris []string) []string {
	schemes := []string{"http", "https", "file", "copy"}
	for _, uri := range uris {
		scheme, _, _ := strings.Cut(uri, ":")
		if slices.Contains(schemes, scheme) && !slices.Contains(list, uri) {
			list = append(list, uri)
		}
	}
	return list
}
