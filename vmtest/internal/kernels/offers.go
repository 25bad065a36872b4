package kernels

import (
	"context"
	"errors"
	"fmt"
)

// offer is a set and the apt that can download it.
type offer struct {
	set
	apt apt
}

// offers returns the complete sets of all suites on a mirror, newest first,
// and whether all suites could be read. One that cannot becomes a fault.
func (s *search) offers(ctx context.Context, m Mirror) (offers []offer, whole bool) {
	var sets []set
	whole = true
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
			s.blame(suite, err)
			whole = false
			continue
		}
		sets = append(sets, completeSets(s.series.Series, suite, found)...)
	}
	sortNewest(sets)
	for _, set := range sets {
		offers = append(offers, offer{set, from[set.suite]})
	}
	return offers, whole
}

// blame records why a suite could not be read. What cannot be reached is said
// once for all suites.
func (s *search) blame(suite string, err error) {
	if !errors.Is(err, errOffline) {
		err = fmt.Errorf("suite %s: %w", suite, err)
	}
	for _, known := range s.faults {
		if known.Error() == err.Error() {
			return
		}
	}
	s.faults = append(s.faults, err)
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
