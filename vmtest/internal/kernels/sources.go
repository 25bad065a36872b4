package kernels

import (
	"context"
	"fmt"
	"net/http"
)

// Sources gets a kernel from whatever its spec names. New makes one.
type Sources struct {
	debian   Multi
	mirrors  *Debian
	importer *importer
	store    *store
	list     List
}

// importer gets kernels that no Debian suite names.
type importer struct {
	store  *store
	root   string // of the machine whose own kernel is meant by host
	client *http.Client
	limit  int64 // of a download
	log    func(string)
}

// Fetch implements Source for every kind of Spec.
func (s *Sources) Fetch(ctx context.Context, text string) (Kernel, error) {
	spec, err := ParseSpec(text)
	if err != nil {
		return Kernel{}, err
	}
	k, err := s.fetch(ctx, spec)
	if err != nil {
		return Kernel{}, err
	}
	k.Series = spec.Name()
	return k, nil
}

// Select returns the kernel that a spec means, before anything is fetched. A
// series must be in the list and a name in the cache; being asked for, it is
// wanted.
func (s *Sources) Select(text string) (Series, error) {
	spec, err := ParseSpec(text)
	if err != nil {
		return Series{}, err
	}
	switch spec.Kind {
	case KindSeries, KindVersion:
		found, err := s.list.Find(text)
		found.Optional, found.Series, found.Spec = false, spec.Name(), text
		return found, err
	case KindName:
		if !s.HasName(spec.Value) {
			return Series{}, noSuchName(spec.Value)
		}
	}
	return Series{Series: spec.Name(), Spec: text}, nil
}

// Default returns the series of the default matrix.
func (s *Sources) Default() []Series {
	var selected []Series
	for _, k := range s.list.Kernels {
		if k.Default {
			selected = append(selected, k)
		}
	}
	return selected
}

func (s *Sources) fetch(ctx context.Context, spec Spec) (Kernel, error) {
	var k Kernel
	var err error
	switch spec.Kind {
	case KindSeries:
		return s.debian.Fetch(ctx, spec.Value)
	case KindVersion:
		// A version does not change: no mirror need be asked again.
		if k, ok := s.store.newest(spec.Value); ok && k.Version == spec.Value {
			return k, nil
		}
		return s.debian.Fetch(ctx, spec.Value)
	case KindName:
		return s.store.named(spec.Value)
	case KindHost:
		return s.importer.host(ctx)
	case KindFile:
		k, err = s.importer.image(ctx, KindFile, spec.Items[0].Path, spec.Modules, "")
	case KindDeb:
		k, err = s.importer.debs(ctx, spec)
	case KindURL:
		k, err = s.importer.url(ctx, spec)
	case KindOCI:
		k, err = s.importer.oci(ctx, spec)
	}
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel %s: %w", spec.Name(), err)
	}
	return k, nil
}
