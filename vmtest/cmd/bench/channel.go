package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/vmtest"
)

// How much output one sample moves, and how many round trips are taken per
// sample that was asked for: they are short.
const (
	streamBytes  = 64 << 20
	tripsPerTurn = 10
)

// counter counts what a command writes.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// channel measures commands in a VM of the first kernel.
func (b *benchmark) channel(ctx context.Context) error {
	v := variant{name: b.kernels[0], config: vmtest.Config{Kernel: b.kernels[0], Init: b.init, Accelerator: b.report.Machine.Accelerator}}
	trips, streams, err := b.commands(ctx, v)
	trip := bench.NewSeries("exec round trip", v.name, "from asking for /usr/bin/true until its exit was known", trips)
	stream := bench.NewSeries("stdout", v.name, "from asking for head -c of /dev/zero until all its output was here", streams)
	stream.WorkBytes = streamBytes
	return errors.Join(b.add(ctx, trip, err), b.add(ctx, stream, err))
}

func (b *benchmark) commands(ctx context.Context, v variant) (trips, streams []time.Duration, err error) {
	b.progress.say("%s: commands", v.name)
	vm, err := vmtest.Boot(ctx, v.config)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, vm.Close()) }()
	for range b.samples * tripsPerTurn {
		began := time.Now()
		if err := vm.CommandContext(ctx, "/usr/bin/true").Run(); err != nil {
			return nil, nil, err
		}
		trips = append(trips, time.Since(began))
	}
	for range b.samples {
		took, err := stream(ctx, vm)
		if err != nil {
			return nil, nil, err
		}
		streams = append(streams, took)
	}
	return trips, streams, nil
}

func stream(ctx context.Context, vm *vmtest.VM) (time.Duration, error) {
	var n counter
	cmd := vm.CommandContext(ctx, "/usr/bin/head", "-c", strconv.Itoa(streamBytes), "/dev/zero")
	cmd.OutputLimitBytes, cmd.Stdout = -1, &n
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, err
	}
	if n != streamBytes {
		return 0, fmt.Errorf("%d of %d bytes came", n, streamBytes)
	}
	return time.Since(began), nil
}
