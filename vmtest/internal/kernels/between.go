package kernels

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Between returns the kernels from one to another, both included, oldest
// first. They are the versions of a series if both belong to one, else the
// series of the list.
func (s *Sources) Between(ctx context.Context, a, b string) ([]string, error) {
	for _, text := range []string{a, b} {
		spec, err := ParseSpec(text)
		if err != nil {
			return nil, err
		}
		if spec.Kind != KindSeries && spec.Kind != KindVersion {
			return nil, fmt.Errorf("order kernels: %s is neither a series nor a version: list the kernels, oldest first", text)
		}
		if _, err := s.list.Find(text); err != nil {
			return nil, err
		}
	}
	switch c := CompareSeries(a, b); {
	case c == 0:
		return nil, errors.New("order kernels: both are " + a)
	case c > 0:
		a, b = b, a
	}
	all := s.list.seriesNames()
	if series := s.list.seriesOf(a); series == s.list.seriesOf(b) {
		var err error
		if all, err = s.Versions(ctx, series); err != nil {
			return nil, err
		}
	}
	all = slices.DeleteFunc(all, func(each string) bool { return CompareSeries(each, a) <= 0 || CompareSeries(each, b) >= 0 })
	slices.SortFunc(all, CompareSeries)
	return slices.Concat([]string{a}, all, []string{b}), nil
}

func (l List) seriesNames() []string {
	var names []string
	for _, k := range l.Kernels {
		names = append(names, k.Series)
	}
	return names
}
