package vmtest

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

// fetchesAtOnce bounds the downloads that run side by side.
const fetchesAtOnce = 2

// fetchedKernel is a kernel in the cache, or why it is not there.
type fetchedKernel struct {
	kernels.Kernel
	err error
}

// fetchAll gets every kernel into the cache. A kernel that cannot be had is
// no error of the run.
func (r *runner) fetchAll(ctx context.Context) error {
	source, err := kernelSource(r.Config, r.note(StageFetch))
	if err != nil {
		return err
	}
	r.fetched = make([]fetchedKernel, len(r.series))
	var group errgroup.Group
	group.SetLimit(fetchesAtOnce)
	for i, s := range r.series {
		group.Go(func() error {
			r.fetched[i] = r.fetch(ctx, source, s)
			return nil
		})
	}
	_ = group.Wait()
	return ctx.Err()
}

func (r *runner) fetch(ctx context.Context, source kernels.Source, s kernels.Series) fetchedKernel {
	end := r.begin(Event{Stage: StageFetch, Kernel: s.Series})
	var f fetchedKernel
	f.Kernel, f.err = source.Fetch(ctx, s.Source())
	if f.err != nil {
		end(fetchOutcome(f.err), f.err.Error())
	} else {
		end(report.Pass, f.Release)
	}
	return f
}

// fetchOutcome tells a kernel that is nowhere from one that is broken.
func fetchOutcome(err error) report.Outcome {
	if errors.Is(err, kernels.ErrUnavailable) {
		return report.Unavailable
	}
	return report.Infra
}
