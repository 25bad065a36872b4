package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/bisect"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

// BisectConfig is a search for the kernel that changed how a command fares.
type BisectConfig struct {
	// ExecConfig is the command. Its Kernels are the list to search, oldest
	// first; none means what lies between Good and Bad.
	ExecConfig
	// Good is a kernel that the command succeeds on, Bad one that it fails on.
	// Either may be the older one.
	Good, Bad string
	// Step is told of each kernel that was tried, and about how many more will
	// be; nil is quiet.
	Step func(k BisectKernel, left int)
}

// errAborted is a command whose exit status says to stop.
var errAborted = errors.New("aborted")

// Bisect searches for the first kernel that is like the newer of the two ends.
// Both ends are tried first. An error is one that was found before anything was
// booted; how the search ended is in the report.
func Bisect(ctx context.Context, c BisectConfig) (BisectReport, error) {
	b, err := newBisection(ctx, c)
	if err != nil {
		return BisectReport{}, exitcode.With(exitcode.Usage, err)
	}
	b.run(ctx)
	return b.report, nil
}

// bisection is one call of Bisect.
type bisection struct {
	BisectConfig
	exec   func(context.Context, ExecConfig) (ExecReport, error)
	list   []string // kernels from one end to the other, oldest first
	search *bisect.Search
	report BisectReport
}

func newBisection(ctx context.Context, c BisectConfig) (*bisection, error) {
	if len(c.Argv) == 0 {
		return nil, errors.New("no command named")
	}
	list, err := bisectList(ctx, c)
	if err != nil {
		return nil, err
	}
	b := &bisection{BisectConfig: c, exec: Exec, list: list, search: bisect.NewSearch(len(list))}
	hide := &execution{ExecConfig: c.ExecConfig} // paths of this machine
	hide.cwd, _ = os.Getwd()
	b.report = BisectReport{
		Schema: BisectSchema, Program: filepath.Base(c.Argv[0]), Good: hide.redacted(c.Good), Bad: hide.redacted(c.Bad),
		LookingFor: FirstBad, Status: BisectAborted, Candidates: []string{}, Kernels: []BisectKernel{},
	}
	if list[0] == c.Bad {
		b.report.LookingFor = FirstGood
	}
	for _, spec := range list {
		b.report.Kernels = append(b.report.Kernels, BisectKernel{Spec: hide.redacted(spec), Verdict: BisectUntested})
	}
	return b, nil
}

// bisectList is the kernels from one end to the other, oldest first.
func bisectList(ctx context.Context, c BisectConfig) ([]string, error) {
	store, err := kernelSource(c.withDefaults(), c.Log)
	if err != nil {
		return nil, err
	}
	list := kernels.JoinSpecs(c.Kernels)
	for _, spec := range slices.Concat([]string{c.Good, c.Bad}, list) {
		if _, err := store.Select(spec); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return store.Between(ctx, c.Good, c.Bad)
	}
	good, bad := slices.Index(list, c.Good), slices.Index(list, c.Bad)
	switch {
	case good < 0 || bad < 0:
		return nil, fmt.Errorf("the kernels listed (%s) must have both %s and %s", strings.Join(list, ", "), c.Good, c.Bad)
	case good == bad:
		return nil, errors.New("the good and the bad kernel are the same")
	}
	return list[min(good, bad) : max(good, bad)+1], nil
}

// run tries the ends, then whatever tells most.
func (b *bisection) run(ctx context.Context) {
	for _, end := range []int{0, len(b.list) - 1} {
		if err := b.end(ctx, end); err != nil {
			b.report.Reason = err.Error()
			return
		}
	}
	for i, ok := b.search.Next(); ok; i, ok = b.search.Next() {
		k, err := b.try(ctx, i, b.search.Left()-1)
		if err != nil {
			b.report.Reason = err.Error()
			return
		}
		b.search.Tell(i, b.state(k.Verdict))
	}
	b.conclude()
}

// end tries one of the two ends, which must be as was said.
func (b *bisection) end(ctx context.Context, i int) error {
	want := BisectGood
	if b.list[i] == b.Bad {
		want = BisectBad
	}
	left := b.search.Left()
	if i == 0 {
		left++ // the other end
	}
	k, err := b.try(ctx, i, left)
	if err != nil {
		return err
	}
	if k.Verdict != want {
		if k.Outcome != report.Infra {
			b.report.Status = BisectRefuted
		}
		return fmt.Errorf("%s was said to be %s, but: %s: %s", k.Spec, want, k.Verdict, k.text())
	}
	return nil
}

// try runs the command on one kernel.
func (b *bisection) try(ctx context.Context, i, left int) (BisectKernel, error) {
	k := &b.report.Kernels[i]
	b.report.TestedCount++
	k.Order = b.report.TestedCount
	one := b.ExecConfig
	one.Kernels = []string{b.list[i]}
	r, err := b.exec(ctx, one)
	if err != nil {
		return *k, err
	}
	k.take(r.Results[0])
	err = k.judge(r.Results[0])
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", errAborted, ctx.Err())
	}
	if err == nil && b.Step != nil {
		b.Step(*k, max(left, 0))
	}
	return *k, err
}

// state is a verdict as the search sees it.
func (b *bisection) state(v BisectVerdict) bisect.State {
	switch {
	case v == BisectSkip:
		return bisect.Skipped
	case (v == BisectBad) == (b.report.LookingFor == FirstBad):
		return bisect.New
	}
	return bisect.Old
}

// conclude says what was found.
func (b *bisection) conclude() {
	for _, i := range b.search.Found() {
		b.report.Candidates = append(b.report.Candidates, b.report.Kernels[i].Spec)
	}
	b.report.Status = BisectFound
	if len(b.report.Candidates) > 1 {
		b.report.Status = BisectRange
		b.report.Reason = "those before the last one could not be tested"
	}
}

// judge turns how a command fared into a verdict, by the exit codes of git
// bisect run. The error says to stop.
func (k *BisectKernel) judge(r ExecResult) error {
	k.Verdict = BisectSkip
	code := r.code()
	switch {
	case strings.Contains(r.Reason, errInterrupted.Error()):
		return fmt.Errorf("%w: interrupted", errAborted)
	case r.Outcome == report.Unavailable, r.Outcome == report.Infra && r.BootNS == 0:
		return nil // there is no such kernel, or it does not boot here
	case r.Outcome == report.Pass:
		k.Verdict = BisectGood
		return nil
	case r.Outcome == report.Fail && strings.HasPrefix(r.Reason, notStarted), code >= 128:
		return fmt.Errorf("%w on %s: %s", errAborted, k.Spec, k.text())
	case code == skipCode:
		return nil
	}
	k.Verdict = BisectBad
	return nil
}

// skipCode is what a command exits with to say that a kernel tells nothing.
const skipCode = 125
