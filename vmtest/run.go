package vmtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// Report is what Run found, vmtest-report/v1.
type Report = report.Report

// RunConfig describes a run of the plans over several kernels.
type RunConfig struct {
	// Config is the VM; its Kernel and Payload are ignored.
	Config
	// Repo is the checkout: <deliverable>/vmtest.json and bin/.
	Repo string
	// Kernels are series; none means the default matrix of kernels.json.
	Kernels []string
	// Tier is "default" or "full".
	Tier string
	// Tests are patterns of "deliverable/entry" (path.Match); none means all.
	Tests []string
	// Out is the directory for the report and the outputs.
	Out string
	// Jobs is the number of VMs at once; 0 is one per CPU, as memory allows.
	Jobs int
	// Seed of the tests' random inputs; 0 draws one.
	Seed uint64
	// Progress is called for each step, from several goroutines; nil is quiet.
	Progress func(Event)
}

// Run boots every kernel, runs the plans, judges what was recorded and writes
// the report to Out. An error is our fault or the caller's, and comes with the
// report as far as it got; failed tests are only in the report.
func Run(ctx context.Context, c RunConfig) (Report, error) {
	r, err := newRunner(c)
	if err != nil {
		return Report{}, err
	}
	defer r.close()
	err = r.run(ctx)
	r.finish()
	return r.report, errors.Join(err, r.write())
}

// runner is the state of one Run.
type runner struct {
	RunConfig
	plans   []plan.Plan
	series  []kernels.Series
	started time.Time
	lock    *os.File
	work    *workDir
	shared  *assets
	fetched []fetchedKernel // by index of series

	mu      sync.Mutex
	report  Report
	emitter sync.Mutex
}

func newRunner(c RunConfig) (*runner, error) {
	c.Config = c.Config.withDefaults()
	c.Config.Payload, c.Module = "", c.Repo // a run has its own
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	if !slices.Contains([]string{"", "auto", "kvm", "tcg"}, c.Accelerator) {
		return nil, fmt.Errorf("accelerator %q, want auto, kvm or tcg", c.Accelerator)
	}
	if c.Jobs < 0 {
		return nil, fmt.Errorf("%d VMs at once, want 1 or more (0 is one per CPU)", c.Jobs)
	}
	r := &runner{RunConfig: c, started: time.Now()}
	var err error
	if r.plans, err = loadPlans(c); err != nil {
		return nil, err
	}
	if r.series, err = selectSeries(c.Config, c.Kernels); err != nil {
		return nil, err
	}
	if err := checkBuilt(c.Repo, r.plans); err != nil {
		return nil, err
	}
	if r.lock, err = lockOut(c.Out); err != nil {
		return nil, err
	}
	if r.work, err = newWorkDir(); err != nil {
		_ = r.lock.Close()
		return nil, err
	}
	r.seedReport()
	return r, nil
}

func (r *runner) close() {
	_ = r.work.Close()
	_ = r.lock.Close()
}

// ErrNoTests means that the selection leaves nothing to run.
var ErrNoTests = errors.New("nothing to run")

func loadPlans(c RunConfig) ([]plan.Plan, error) {
	all, err := plan.Load(os.DirFS(c.Repo))
	if errors.Is(err, plan.ErrNone) {
		return nil, fmt.Errorf("%w in %s (--repo names the checkout)", err, c.Repo)
	}
	if err != nil {
		return nil, err
	}
	plans, err := plan.Select(all, c.Tier, "", c.Tests)
	if err != nil {
		return nil, err
	}
	if len(plans) == 0 {
		return nil, fmt.Errorf("%w: tier %q, tests %v", ErrNoTests, c.Tier, c.Tests)
	}
	return plans, checkSupported(plans)
}

// checkSupported refuses what a plan may ask for and this harness does not
// give: run without it, a test would be green for something else.
func checkSupported(plans []plan.Plan) error {
	for _, p := range plans {
		for _, e := range p.Entries {
			switch {
			case e.Needs.Init != plan.InitGuest:
				return fmt.Errorf("%s needs init %q, and there is only %q", e.FullID(), e.Needs.Init, plan.InitGuest)
			case e.Needs.Image != image.Base().Name:
				return fmt.Errorf("%s needs image %q, and there is only %q", e.FullID(), e.Needs.Image, image.Base().Name)
			}
		}
	}
	return nil
}

// checkBuilt looks for what the payload is made of, before anything is fetched.
func checkBuilt(repo string, plans []plan.Plan) error {
	for _, p := range plans {
		for _, name := range p.Programs() {
			if _, err := os.Stat(filepath.Join(repo, "bin", name)); err != nil {
				return fmt.Errorf("find %s: %w (run make build)", filepath.Join("bin", name), errors.Unwrap(err))
			}
		}
	}
	return nil
}

// run gets the kernels while the root disk is made: one waits for the network,
// the other for the CPU.
func (r *runner) run(ctx context.Context) error {
	prepare, both := errgroup.WithContext(ctx) // neither is worth waiting for without the other
	prepare.Go(func() error { return r.fetchAll(both) })
	prepare.Go(func() error { return r.prepare(both) })
	if err := prepare.Wait(); err != nil {
		r.blame(report.Infra, err)
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	for i := range r.series {
		group.Go(func() error { return r.kernel(ctx, i) })
	}
	return group.Wait()
}

// jobs is one VM per CPU, since an emulated machine keeps a CPU busy.
func (r *runner) jobs() int {
	if r.Jobs > 0 {
		return r.Jobs
	}
	return min(len(r.series), runtime.NumCPU())
}

// prepare makes what all kernels share: accelerator, image, payload.
func (r *runner) prepare(ctx context.Context) error {
	end := r.begin(Event{Stage: StageImage, Text: "root disk"})
	var err error
	r.shared, err = prepareShared(ctx, r.Config, r.note(StageImage))
	if err == nil {
		r.provenance()
		r.shared.payloadDisk, err = r.payload(ctx)
	}
	err = needRoom(err)
	end(outcomeOf(err), text(err))
	return err
}

// payload puts the built commands and tests on a disk, as /payload/bin.
func (r *runner) payload(ctx context.Context) (string, error) {
	bin := filepath.Join(r.work.Path, "stage", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("make payload: %w", err)
	}
	for _, p := range r.plans {
		for _, name := range p.Programs() {
			if err := copyProgram(filepath.Join(r.Repo, "bin", name), filepath.Join(bin, name)); err != nil {
				return "", err
			}
		}
	}
	return buildPayload(ctx, filepath.Dir(bin), nil, r.work, nil)
}

func copyProgram(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("make payload: %w", err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		return fmt.Errorf("make payload: %w", err)
	}
	return nil
}

// note passes on a line about a stage.
func (r *runner) note(s Stage) func(string) {
	return func(line string) { r.emit(Event{Stage: s, Begin: true, Text: line}) }
}

// begin announces a step and returns what ends it.
func (r *runner) begin(e Event) func(report.Outcome, string) {
	e.Begin = true
	r.emit(e)
	start := time.Now()
	return func(o report.Outcome, text string) {
		e.Begin, e.Outcome, e.Took, e.Text = false, o, time.Since(start), text
		r.emit(e)
	}
}

func (r *runner) emit(e Event) {
	if r.Progress == nil {
		return
	}
	e.Time = time.Now()
	r.emitter.Lock()
	defer r.emitter.Unlock()
	r.Progress(e)
}

func outcomeOf(err error) report.Outcome {
	if err != nil {
		return report.Infra
	}
	return report.Pass
}

func text(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}
