package kernels

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// maxTries bounds how many versions of a series are tried on one mirror when
// the index is ahead of the pool.
const maxTries = 5

// Debian is the Source that takes kernels from Debian mirrors through apt.
type Debian struct {
	list    List
	mirrors func() ([]Mirror, error)
	index   *indexes
	store   *store
	log     func(string)
}

// Fetch implements Source. Mirrors are asked in order; on each, the newest
// complete set of all the series' suites is tried first. When a mirror does
// not answer, the newest kernel of the series in the cache serves, and the
// Note says so.
func (d *Debian) Fetch(ctx context.Context, series string) (Kernel, error) {
	s, err := d.list.Find(series)
	if err != nil {
		return Kernel{}, err
	}
	search := &search{Debian: d, series: s}
	k, err := search.run(ctx)
	if ctx.Err() != nil {
		return Kernel{}, fmt.Errorf("fetch kernel %s: %w", series, ctx.Err())
	}
	k.Series = series
	return k, err
}

// search is one Fetch: what was tried and what went wrong so far.
type search struct {
	*Debian
	series Series
	tried  []string // URIs for the message
	faults []error
}

func (s *search) run(ctx context.Context) (Kernel, error) {
	mirrors, err := s.mirrors()
	if err != nil {
		s.faults = append(s.faults, err)
	}
	for _, m := range mirrors {
		k, ok, err := s.try(ctx, m)
		if ok || err != nil {
			return k, err
		}
	}
	if k, ok := s.store.newest(s.series.Series); ok {
		k.Note = "from the cache: " + s.reasons()
		return k, nil
	}
	return Kernel{}, s.nothing()
}

// try looks for the series on one mirror. An error ends the whole search.
func (s *search) try(ctx context.Context, m Mirror) (Kernel, bool, error) {
	before := len(s.faults)
	offers := s.offers(ctx, m)
	if len(s.faults) > before {
		// A suite that does not answer may hold what the cache already has.
		k, ok := s.store.newest(s.series.Series)
		if ok && (len(offers) == 0 || CompareVersions(k.Version, offers[0].version) >= 0) {
			return Kernel{}, false, nil
		}
	}
	for _, o := range offers[:min(len(offers), maxTries)] {
		k, err := s.install(ctx, o)
		switch {
		case err == nil:
			k.Note = s.reasons()
			return k, true, nil
		case ctx.Err() != nil || isFull(err):
			return Kernel{}, false, err
		}
		s.faults = append(s.faults, err)
		if errors.Is(err, errOffline) || isReadOnly(err) {
			break
		}
	}
	return Kernel{}, false, nil
}

// offer is a set and the apt that can download it.
type offer struct {
	set
	apt apt
}

// offers returns the complete sets of all suites on a mirror, newest first.
// A suite that cannot be read becomes a fault, not an error.
func (s *search) offers(ctx context.Context, m Mirror) []offer {
	var sets []set
	from := map[string]apt{}
	for _, suite := range s.series.Suites {
		uri := m.uri(suite)
		if uri == "" || ctx.Err() != nil {
			continue
		}
		s.note(uri)
		from[suite] = s.index.at(uri, suite, s.series.EndOfLife)
		found, err := s.index.load(ctx, from[suite])
		if err != nil {
			s.faults = append(s.faults, fmt.Errorf("suite %s: %w", suite, err))
			continue
		}
		sets = append(sets, completeSets(s.series.Series, suite, found)...)
	}
	sortNewest(sets)
	offers := make([]offer, 0, len(sets))
	for _, set := range sets {
		offers = append(offers, offer{set, from[set.suite]})
	}
	return offers
}

// install downloads a set unless the cache has it.
func (s *search) install(ctx context.Context, o offer) (Kernel, error) {
	get := func(ctx context.Context, tmp string) ([]string, error) {
		s.log(fmt.Sprintf("fetch kernel %s (%s, %d MB)", o.release, o.suite, o.downloadBytes()/1e6))
		return o.apt.download(ctx, tmp, o.packages)
	}
	k, err := s.store.install(ctx, o.set, FromMirror, get)
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel %s %s: %w", o.release, o.version, err)
	}
	return k, nil
}

// note remembers a mirror for the message.
func (s *search) note(uri string) {
	s.tried = appendNew(s.tried, withoutPassword(uri))
}

// reasons is what went wrong, on one line; empty when nothing did.
func (s *search) reasons() string {
	texts := make([]string, 0, len(s.faults))
	for _, err := range s.faults {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

// nothing is the error when no mirror and no cache has the series. A cache
// that cannot be written is a fault of its own: the kernel may be there.
func (s *search) nothing() error {
	for _, err := range s.faults {
		if isReadOnly(err) || isFull(err) {
			return fmt.Errorf("fetch kernel %s: %w", s.series.Series, err)
		}
	}
	detail := s.reasons()
	if detail == "" {
		detail = "no complete set of packages in the index"
	}
	return fmt.Errorf("kernel %s: %w in suites %s of mirrors %s: %s; name other mirrors with VMTEST_MIRRORS "+
		"(URIs, best first) or a directory of .deb files with VMTEST_PACKAGE_DIR", s.series.Series, ErrUnavailable,
		strings.Join(s.series.Suites, ", "), strings.Join(s.tried, ", "), detail)
}
