package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/bench"
)

// The targets, see the issue that asked for them.
const (
	plainToCrun    = 1.25
	plainToRunc    = 0.4
	confinedToCrun = 0.5
)

// warmUps are rounds that do not count.
const warmUps = 3

// benchmark is one run of this command.
type benchmark struct {
	options
	report bench.Report
	count  int // of containers, for names
}

// measure fills the report. What fails for a reason of its own is a skipped
// row; only the end of ctx ends it all.
func (b *benchmark) measure(ctx context.Context) error {
	b.report = bench.Report{Schema: bench.Schema, Name: own, StartedAt: time.Now().UTC(), Series: []bench.Series{}, Ratios: []bench.Ratio{}}
	var err error
	if b.report.Machine, err = bench.ReadMachine("/proc"); err != nil {
		return err
	}
	emulated(&b.report.Machine)
	if err := b.measureMode(ctx, b.mode()); err != nil {
		return err
	}
	b.report.DurationNS = time.Since(b.report.StartedAt).Nanoseconds()
	return nil
}

// emulated says so: numbers of an emulated machine compare with each other
// only.
func emulated(m *bench.Machine) {
	if strings.Contains(m.CPUModel, "TCG") {
		m.Accelerator, m.AcceleratorReason = "tcg", "the CPU says so: "+m.CPUModel
	}
}

func (b *benchmark) measureMode(ctx context.Context, m mode) error {
	place, err := newBundle(m)
	if err != nil {
		return err
	}
	defer place.remove()
	if b.binary, err = place.install(b.binary); err != nil {
		return err
	}
	list := b.contestants(ctx, m, place)
	b.rounds(ctx, list)
	if err := ctx.Err(); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	series := map[string]bench.Series{}
	for _, c := range list {
		series[c.name] = c.series(m)
		b.report.Series = append(b.report.Series, series[c.name])
	}
	for _, other := range list[1:] {
		if r, err := bench.Compare(series[own], series[other.name], m.target(other.name)); err == nil {
			b.report.Ratios = append(b.report.Ratios, r)
		}
	}
	b.memory(ctx, m, place)
	return b.leaks(ctx, m, place)
}

// target is what the ratio to another contestant must not exceed; 0 is none.
func (m mode) target(other string) float64 {
	switch {
	case m.confined && other == "crun":
		return confinedToCrun
	case !m.confined && other == "crun":
		return plainToCrun
	case !m.confined && other == "runc":
		return plainToRunc
	}
	return 0
}

func (c *contestant) series(m mode) bench.Series {
	method := fmt.Sprintf("%s%s: from starting it until it had ended, with a program of one system call", c.version, c.note)
	if c.err != nil {
		return bench.Skipped(c.name, m.name, method, c.err.Error())
	}
	return bench.NewSeries(c.name, m.name, method, c.samples)
}

// rounds takes one sample of each in turns. Every second round is the other
// way round, so that none always follows the same.
func (b *benchmark) rounds(ctx context.Context, list []*contestant) {
	for round := 0; round < b.samples+warmUps; round++ {
		order := slices.Clone(list)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, c := range order {
			if c.err != nil || ctx.Err() != nil {
				continue
			}
			b.count++
			took, err := c.once(ctx, b.count)
			if err != nil {
				c.err = err
			} else if round >= warmUps {
				c.samples = append(c.samples, took)
			}
		}
	}
}
