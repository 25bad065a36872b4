package kernels

import (
	"context"
	"errors"
	"fmt"
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
		k.Note = "from the cache: " + s.remark()
		return k, nil
	}
	return Kernel{}, s.nothing()
}

// try looks for the series on one mirror. An error ends the whole search.
func (s *search) try(ctx context.Context, m Mirror) (Kernel, bool, error) {
	offers, whole := s.offers(ctx, m)
	if !whole {
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
			k.Note = s.remark()
			return k, true, nil
		case ctx.Err() != nil || isFull(err):
			return Kernel{}, false, err
		}
		s.faults = append(s.faults, err)
		s.log(err.Error())
		if errors.Is(err, errOffline) || isReadOnly(err) {
			break
		}
	}
	return Kernel{}, false, nil
}
