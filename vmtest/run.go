package vmtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// Report is what Run found, vmtest-report/v1.
type Report = report.Report

// RunConfig describes a run of the plans over several kernels.
type RunConfig struct {
	// Config is the VM; its Kernel, Image, System and Payload are ignored.
	Config
	// Repo is the checkout: <deliverable>/vmtest.json and bin/.
	Repo string
	// Kernels are series; none means the default matrix of kernels.json.
	Kernels []string
	// Tier is "default" or "full".
	Tier string
	// Tests are patterns of "deliverable/entry" (path.Match); none means all.
	Tests []string
	// Shard is the part of the run to do; the zero value is all of it.
	Shard Shard
	// Out is the directory for the report and the outputs.
	Out string
	// Resume keeps the verdicts in Out that the same run would come to again.
	Resume bool
	// Jobs is the number of VMs at once; 0 is one per CPU, as memory allows.
	Jobs int
	// Modules are loaded before each test, besides those of its plan.
	Modules []string
	// Seed of the tests' random inputs; 0 draws one, or takes that of the run
	// which is resumed.
	Seed uint64
	// Progress is called for each step, from several goroutines; nil is quiet.
	Progress func(Event)
}

// Run gives every entry of the plans on every kernel a VM of its own, judges
// what was recorded and writes the report to Out. An error is our fault or the
// caller's, and comes with the report as far as it got; failed tests are only
// in the report.
func Run(ctx context.Context, c RunConfig) (Report, error) {
	r, err := newRunner(c)
	if err != nil {
		return Report{}, err
	}
	defer r.close()
	err = r.run(ctx)
	r.finish(ctx)
	return r.report, errors.Join(err, r.write())
}

// runner is the state of one Run.
type runner struct {
	RunConfig
	plans     []plan.Plan
	series    []kernels.Series
	cells     []cell
	started   time.Time
	lock      *os.File
	work      *workDir
	journal   *journal
	speed     *speed
	calibrate func(context.Context) (float64, error) // measures the speed
	bootVM    func(context.Context, *assets) (*VM, error)
	stages    stageTimes
	images    map[string]*assets // what all kernels share, by name of the image
	fetched   []fetchedKernel    // by index of series
	kernels   []*kernelRun       // by index of series
	programs  []report.Program   // of the payload
	initSum   string             // SHA-256 of the guest's init
	queue     *queue

	mu      sync.Mutex
	report  Report
	dirty   bool // since it was last written
	emitter sync.Mutex
}

func newRunner(c RunConfig) (*runner, error) {
	c.Config = c.Config.withDefaults()
	c.Config.Payload, c.Module = "", c.Repo // a run has its own
	if err := checkConfig(c); err != nil {
		return nil, err
	}
	r := &runner{RunConfig: c, started: time.Now(), speed: &speed{}, calibrate: qemu.MeasureSpeed, bootVM: boot}
	var err error
	if r.plans, err = loadPlans(c); err != nil {
		return nil, err
	}
	if err := r.pick(); err != nil {
		return nil, err
	}
	if err := checkBuilt(c.Repo, r.plans); err != nil {
		return nil, err
	}
	if r.lock, err = lockOut(c.Out); err != nil {
		return nil, err
	}
	if err := r.begun(); err != nil {
		_ = r.lock.Close()
		return nil, err
	}
	r.seedReport()
	return r, nil
}

func checkConfig(c RunConfig) error {
	if !slices.Contains([]string{"", "auto", "kvm", "tcg"}, c.Accelerator) {
		return fmt.Errorf("accelerator %q, want auto, kvm or tcg", c.Accelerator)
	}
	for _, name := range c.Modules {
		if name == "" || strings.ContainsAny(name, "/ ") {
			return fmt.Errorf("module %q, want the name of one of the kernel's own", name)
		}
	}
	if c.Jobs < 0 {
		return fmt.Errorf("%d VMs at once, want 1 or more (0 is one per CPU)", c.Jobs)
	}
	return checkShard(c.Shard)
}

// pick chooses kernels and cells.
func (r *runner) pick() error {
	series, err := selectSeries(r.Config, r.Kernels)
	if err != nil {
		return err
	}
	cells := share(cellsOf(series, r.plans), r.Shard, len(series))
	if len(cells) == 0 {
		return fmt.Errorf("%w: shard %d/%d is empty", ErrNoTests, r.Shard.Index, r.Shard.Count)
	}
	r.series, r.cells = used(series, cells)
	return nil
}

// begun opens what a run keeps open to its end.
func (r *runner) begun() (err error) {
	if r.journal, err = openJournal(r.Out, r.Resume); err != nil {
		return err
	}
	if r.Seed == 0 {
		r.Seed = r.journal.seed
	}
	if r.Seed == 0 {
		r.Seed = rand.Uint64()
	}
	if r.work, err = newWorkDir(); err != nil {
		_ = r.journal.Close()
	}
	return err
}

func (r *runner) close() {
	_ = r.work.Close()
	_ = r.journal.Close()
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
	return plans, nil
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

// run gets everything that VMs boot from, and then lets workers boot them.
func (r *runner) run(ctx context.Context) error {
	defer r.writeOften()()
	if err := r.prepare(ctx); err != nil {
		r.blame(err)
		return err
	}
	r.queue = newQueue(r.open(), r.Cold)
	var workers errgroup.Group
	for range r.jobs() {
		workers.Go(func() error {
			for {
				c, ok := r.queue.take(ctx)
				if !ok {
					return nil
				}
				r.kernels[c.kernel].runCell(ctx, c)
			}
		})
	}
	_ = workers.Wait()
	return ctx.Err()
}

// begin announces a step and returns what ends it.
func (r *runner) begin(e Event) func(report.Outcome, string) {
	e.Begin = true
	r.emit(e)
	leave := r.stages.enter(e.Stage)
	return func(o report.Outcome, text string) {
		e.Begin, e.Outcome, e.Took, e.Text = false, o, leave(), text
		r.emit(e)
	}
}

// note passes on a line about a stage.
func (r *runner) note(s Stage) func(string) {
	return func(line string) { r.emit(Event{Stage: s, Begin: true, Text: line}) }
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
