package vmtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

// fetchesAtOnce bounds the downloads that run side by side.
const fetchesAtOnce = 2

// fetchedKernel is a kernel in the cache, or why it is not there.
type fetchedKernel struct {
	kernels.Kernel
	err error
}

// prepare gets the kernels while the root disks are made: one waits for the
// network, the other for the CPU. Neither is worth waiting for without the
// other.
func (r *runner) prepare(ctx context.Context) error {
	r.measure(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.fetchAll(ctx) })
	group.Go(func() error { return r.makeImages(ctx) })
	return group.Wait()
}

// measure finds out how fast this machine is. If that fails, so will the
// first boot, and say why.
func (r *runner) measure(ctx context.Context) {
	ratio, err := r.calibrate(ctx)
	if err != nil {
		return
	}
	r.speed.atLeast(ratio)
	r.update(func(rep *Report) { rep.Run.Slowdown = max(rep.Run.Slowdown, r.speed.Ratio()) })
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
	bounded, cancel := within(ctx, fetchBudget)
	defer cancel()
	var f fetchedKernel
	f.Kernel, f.err = source.Fetch(bounded, s.Source())
	if f.err = overdue(bounded, f.err); f.err != nil {
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

// makeImages makes what all kernels share: accelerator, payload, and the root
// disks that the cells need, no others.
func (r *runner) makeImages(ctx context.Context) error {
	end := r.begin(Event{Stage: StageImage, Text: "root disk"})
	err := r.makeShared(ctx)
	end(outcomeOf(err), text(err))
	return err
}

func (r *runner) makeShared(ctx context.Context) error {
	r.images = map[string]*assets{}
	var first *assets
	for _, c := range r.cells {
		name := c.entry.Needs.Image
		if r.images[name] != nil {
			continue
		}
		made, err := r.makeImage(ctx, name, first)
		if err != nil {
			return needRoom(err)
		}
		if r.images[name] = made; first == nil {
			first = made
		}
	}
	r.provenance(first)
	if err := r.hashInit(); err != nil {
		return err
	}
	payload, err := r.payload(ctx)
	for _, a := range r.images {
		a.payloadDisk = payload
	}
	return needRoom(err)
}

// makeImage is prepareShared for one image; what that has found out for the
// first one holds for the others.
func (r *runner) makeImage(ctx context.Context, name string, first *assets) (*assets, error) {
	bounded, cancel := within(ctx, r.speed.scale(imageBudget))
	defer cancel()
	config := r.Config
	config.Image = name
	if first == nil {
		a, err := prepareShared(bounded, config, r.note(StageImage))
		if err != nil {
			return nil, overdue(bounded, err)
		}
		a.speed = r.speed
		return a, nil
	}
	own := *first
	own.config = config
	var err error
	own.image, err = buildImage(bounded, config, r.note(StageImage))
	return &own, overdue(bounded, err)
}

// payload puts the built commands and tests on a disk, as /payload/bin.
func (r *runner) payload(ctx context.Context) (string, error) {
	bin := filepath.Join(r.work.Path, "stage", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("make payload: %w", err)
	}
	for _, p := range r.plans {
		for _, name := range p.Programs() {
			sum, err := copyProgram(filepath.Join(r.Repo, "bin", name), filepath.Join(bin, name))
			if err != nil {
				return "", err
			}
			r.programs = append(r.programs, report.Program{Name: name, SHA256: sum})
		}
	}
	r.update(func(rep *Report) { rep.Run.Programs = r.programs })
	return buildPayload(ctx, filepath.Dir(bin), nil, image.Owner{}, r.work, nil)
}

// hashInit takes down which harness is in the guest.
func (r *runner) hashInit() error {
	path, err := findInit(r.Config)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read guest init: %w", err)
	}
	r.initSum = sumOf(data)
	return nil
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// copyProgram returns the SHA-256 of what it has copied.
func copyProgram(from, to string) (string, error) {
	data, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("make payload: %w", err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		return "", fmt.Errorf("make payload: %w", err)
	}
	return sumOf(data), nil
}
