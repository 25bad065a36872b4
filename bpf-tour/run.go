package bpftour

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/bpf-tour/internal/bpfjson"
)

// Options say how to run a recipe. The zero value of each field but Recipe,
// Duration and Kernel stands for its default.
type Options struct {
	Recipe        Recipe
	Duration      time.Duration   // the time box, from the moment all probes are attached
	Kernel        string          // release of the running kernel, for the result
	AttachTimeout time.Duration   // 60 s
	MaxEvents     int             // 10000: further events are counted, not kept
	Stop          <-chan struct{} // when closed, the time box ends early
	Ready         func(probes uint64)
	Bpftrace      string // "bpftrace", looked up in PATH
	Roots         Roots  // DefaultRoots()
}

// grace is how long bpftrace may take to print its maps after SIGINT. It
// needs 0.25 s; ten times that when emulated.
const grace = 20 * time.Second

func (o Options) withDefaults() Options {
	if o.AttachTimeout == 0 {
		o.AttachTimeout = time.Minute
	}
	if o.MaxEvents == 0 {
		o.MaxEvents = 10000
	}
	if o.Ready == nil {
		o.Ready = func(uint64) {}
	}
	if o.Bpftrace == "" {
		o.Bpftrace = "bpftrace"
	}
	if o.Roots.BTF == "" {
		o.Roots = DefaultRoots()
	}
	return o
}

// Run runs a recipe and returns what it has shown. No bpftrace is left when
// it returns, nor when this process is killed. A result whose Complete is
// false is still returned without an error; errors.Is(err, ErrUnsupported)
// tells that this machine cannot run the recipe.
func Run(ctx context.Context, o Options) (*Result, error) {
	o = o.withDefaults()
	path, err := exec.LookPath(o.Bpftrace)
	if err != nil {
		return nil, unsupported("find bpftrace: %v: install the package bpftrace (0.17 or newer)", err)
	}
	if err := o.Roots.Check(o.Recipe); err != nil {
		return nil, err
	}
	version, err := bpftraceVersion(ctx, path)
	if err != nil {
		return nil, err
	}
	s := newSession(o, newCollector(o.Recipe, version, o.MaxEvents))
	if s.process, err = startProcess(path, []string{"-f", "json", "-e", o.Recipe.Source}, childEnv(os.Environ())); err != nil {
		return nil, err
	}
	return s.run(ctx)
}

func bpftraceVersion(ctx context.Context, path string) (bpfjson.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return bpfjson.Version{}, fmt.Errorf("ask %s for its version: %w", path, err)
	}
	v, err := bpfjson.ParseVersion(strings.TrimSpace(string(out)))
	if err != nil {
		return v, err
	}
	if !v.AtLeast(0, 17) {
		return v, unsupported("bpftrace %s is too old: 0.17 or newer is needed", v)
	}
	return v, nil
}
