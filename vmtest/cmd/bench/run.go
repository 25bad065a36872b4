package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/vmtest"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// benchmark is one run of this command.
type benchmark struct {
	options
	progress progress
	report   bench.Report
}

// variant is one machine that things are measured on.
type variant struct {
	name   string
	first  bool // of its kernel
	config vmtest.Config
}

// run measures everything. What fails for a reason of its own is a skipped row;
// only the end of ctx ends it all.
func (b *benchmark) run(ctx context.Context) error {
	b.report = bench.Report{Schema: bench.Schema, Name: "vmtest", StartedAt: time.Now().UTC(), Series: []bench.Series{}, Ratios: []bench.Ratio{}}
	if err := b.describe(ctx); err != nil {
		return err
	}
	for _, kernel := range b.kernels {
		for i, mib := range b.memoryMiB {
			v := variant{
				first:  i == 0,
				name:   fmt.Sprintf("%s, %d MiB", kernel, mib),
				config: vmtest.Config{Kernel: kernel, MemoryBytes: mib << 20, Init: b.init, Accelerator: b.report.Machine.Accelerator},
			}
			if err := b.boots(ctx, v); err != nil {
				return err
			}
		}
	}
	if err := b.channel(ctx); err != nil {
		return err
	}
	b.share()
	b.report.DurationNS = time.Since(b.report.StartedAt).Nanoseconds()
	return nil
}

func (b *benchmark) describe(ctx context.Context) (err error) {
	b.progress.say("looking at the machine")
	m := &b.report.Machine
	if *m, err = bench.ReadMachine("/proc"); err != nil {
		return err
	}
	accelerator, err := vmtest.ProbeAccelerator(ctx)
	if err != nil {
		return err
	}
	m.QEMU, m.Accelerator, m.AcceleratorReason = qemu.Version(), accelerator.Name, accelerator.Reason
	return nil
}

// add keeps a series, or why it could not be measured. It is an error only if
// all has to end.
func (b *benchmark) add(ctx context.Context, s bench.Series, err error) error {
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		s = bench.Skipped(s.Name, s.Variant, s.Method, err.Error())
	}
	b.report.Series = append(b.report.Series, s)
	return nil
}

// compare keeps a ratio of two series that were both measured.
func (b *benchmark) compare(numerator, denominator bench.Series, target float64) {
	if r, err := bench.Compare(numerator, denominator, target); err == nil {
		b.report.Ratios = append(b.report.Ratios, r)
	}
}
