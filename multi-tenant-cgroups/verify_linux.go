package multitenantcgroups

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// VerifyOptions says how to verify.
type VerifyOptions struct {
	Tenants  []string      // names of the tenants to verify; all if empty
	Duration time.Duration // of one measurement of CPU time; at least 500 ms is useful
	Workload []string      // command line of a process that calls RunWorkload
}

// verifier carries what all proofs of one run share.
type verifier struct {
	tree   Tree
	policy Policy
	opts   VerifyOptions
	runner *runner
	missed []string
}

// Verify tries to exceed every limit of the policy and reports what happened.
// The policy must be applied, and the tenants must be empty: a proof of
// memory.max has the kernel kill what is there. It leaves nothing behind,
// whether it ends by itself or because ctx is done.
func Verify(ctx context.Context, tree Tree, p Policy, opts VerifyOptions) (VerifyReport, error) {
	v := &verifier{tree: tree, policy: p, opts: opts}
	report, err := v.begin()
	if err != nil {
		return report, fmt.Errorf("verify policy: %w", err)
	}
	if v.runner, err = startRunner(ctx, opts.Workload); err != nil {
		return report, fmt.Errorf("verify policy: %w", err)
	}
	if err := v.all(ctx, &report); err != nil {
		return report, errors.Join(err, v.runner.close())
	}
	if err := v.runner.close(); err != nil {
		return report, fmt.Errorf("end workload: %w", err)
	}
	slices.Sort(v.missed)
	report.Environment.Missed = append(report.Environment.Missed, slices.Compact(v.missed)...)
	report.DurationNS = time.Since(report.StartedAt).Nanoseconds()
	return report, nil
}

// all verifies the tenants that were asked for.
func (v *verifier) all(ctx context.Context, report *VerifyReport) error {
	for _, t := range v.policy.Tenants {
		if len(v.opts.Tenants) > 0 && !slices.Contains(v.opts.Tenants, t.Name) {
			continue
		}
		result, err := v.tenant(ctx, t)
		if err != nil {
			return fmt.Errorf("verify tenant %s: %w", t.Name, err)
		}
		report.Tenants = append(report.Tenants, result)
		report.Verdict = worse(report.Verdict, result.Verdict)
	}
	return nil
}

func (v *verifier) begin() (VerifyReport, error) {
	release, err := kernel.Release()
	if err != nil {
		return VerifyReport{}, err
	}
	report := VerifyReport{
		Schema: VerifySchema, Kernel: release, StartedAt: time.Now().UTC(), CPUs: runtime.NumCPU(), Tenants: []TenantReport{},
	}
	controllers, err := v.tree.Read("", "cgroup.controllers")
	if err != nil {
		return report, err
	}
	report.Environment = Environment{Controllers: strings.Fields(controllers), Missed: []string{}}
	return report, errors.Join(v.checkNames(), v.checkApplied(), v.clearStale())
}

func (v *verifier) checkNames() error {
	for _, name := range v.opts.Tenants {
		known := func(t Tenant) bool { return t.Name == name }
		if !slices.ContainsFunc(v.policy.Tenants, known) {
			return fmt.Errorf("tenant %q: %w", name, ErrNoTenant)
		}
	}
	return nil
}

func (v *verifier) checkApplied() error {
	cgroups := []string{v.policy.Root}
	for _, t := range v.policy.Tenants {
		cgroups = append(cgroups, path.Join(v.policy.Root, t.Name))
	}
	for _, cgroup := range cgroups {
		there, err := v.tree.Exists(cgroup)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("cgroup %s: %w", cgroup, ErrNotApplied)
		}
		if err := requireOurs(v.tree, cgroup); err != nil {
			return err
		}
	}
	return nil
}

// clearStale removes what a verify that was killed left behind. The lock of
// the tree says that no other is at work.
func (v *verifier) clearStale() error {
	if v.checkApplied() != nil {
		return nil
	}
	err := v.tree.Destroy(path.Join(v.policy.Root, controlName))
	for _, t := range v.policy.Tenants {
		err = errors.Join(err, v.tree.Destroy(path.Join(v.policy.Root, t.Name, probeName)))
	}
	return err
}

func (v *verifier) tenant(ctx context.Context, t Tenant) (TenantReport, error) {
	result := TenantReport{Name: t.Name, Proofs: []Proof{}}
	before, err := v.harm(t.Name)
	if err != nil {
		return result, err
	}
	for _, control := range Controls {
		limit, ok := t.Limits[control]
		if !ok || control == SwapMax || strings.HasPrefix(limit, unlimited) {
			continue
		}
		proof, err := v.prove(ctx, t, control, limit)
		if err != nil {
			return result, fmt.Errorf("prove %s: %w", control, err)
		}
		result.Proofs = append(result.Proofs, proof)
		result.Verdict = worse(result.Verdict, proof.Verdict)
	}
	if len(result.Proofs) == 0 {
		result.Verdict = Inconclusive // no limit, no proof
	}
	result.Neighbours, err = v.compareHarm(before)
	result.Verdict = worse(result.Verdict, result.Neighbours.Verdict)
	return result, err
}

// prove runs one proof between two readings of the tenant's counters.
func (v *verifier) prove(ctx context.Context, t Tenant, control, limit string) (Proof, error) {
	cgroup := path.Join(v.policy.Root, t.Name)
	proof := Proof{Control: control, PolicyValue: limit, Tolerance: exactTolerance, Evidence: []Counter{}}
	reason, err := v.unfit(cgroup, control, &proof)
	if err != nil {
		return proof, err
	}
	if reason != "" {
		proof.Reason = reason
		return proof, nil
	}
	before, err := readCounters(v.tree, cgroup, evidenceOf[control])
	if err != nil {
		return proof, err
	}
	guard := startSentinel()
	finish := func() error {
		after, err := readCounters(v.tree, cgroup, evidenceOf[control])
		proof.Evidence = compare(cgroup, evidenceOf[control], before, after)
		v.missed = append(v.missed, missing(evidenceOf[control], after)...)
		return err
	}
	err = proofs[control](ctx, v, cgroup, &proof, finish)
	proof.Noise = guard.end().noise()
	judgeDrift(&proof)
	return proof, errors.Join(err, ctx.Err())
}

// unfit returns why a proof cannot be tried, and sets its verdict.
func (v *verifier) unfit(cgroup, control string, proof *Proof) (string, error) {
	held, err := v.tree.Read(cgroup, control)
	if errors.Is(err, errNotExist) {
		proof.Verdict = Unsupported
		v.missed = append(v.missed, control)
		return "the cgroup has no file " + control, nil
	}
	if err != nil {
		return "", err
	}
	proof.KernelValue = held
	events, err := v.tree.Read(cgroup, "cgroup.events")
	if err != nil {
		return "", err
	}
	if populated, _ := pick(events, "populated"); populated != "0" {
		proof.Verdict = Inconclusive
		return "processes run in the tenant's cgroup, and a proof would harm them: stop them first", nil
	}
	return "", nil
}
