package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

// The bounds of --duration. Shorter than five periods of 100 ms says nothing.
const (
	minDuration = 500 * time.Millisecond
	maxDuration = 10 * time.Minute
)

func newVerify() *cobra.Command {
	var (
		t      target
		opts   mtc.VerifyOptions
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "verify -f POLICY",
		Short: "Prove that the kernel enforces the tenants' limits",
		Long: `Prove that the kernel enforces the tenants' limits.

Each limit is put to the test by a workload that tries to exceed it inside the
tenant's cgroup, and by the same workload in a cgroup without the limit, where it
must succeed. The policy must be applied and the tenants must be empty.`,
		Example: "  " + name + " verify -f two-tenants.yaml\n  " + name + " verify -f two-tenants.yaml --tenant alpha --json | jq .verdict",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.Duration < minDuration || opts.Duration > maxDuration {
				return exitcode.With(exitcode.Usage, fmt.Errorf("--duration %s: want %s to %s", opts.Duration, minDuration, maxDuration))
			}
			report, err := verify(cmd, &t, opts)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				err = writeVerify(cmd.OutOrStdout(), report)
			}
			return errors.Join(err, verdictError(report.Verdict))
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print "+mtc.VerifySchema)
	cmd.Flags().StringSliceVar(&opts.Tenants, "tenant", nil, "verify only this tenant (may be repeated)")
	cmd.Flags().DurationVar(&opts.Duration, "duration", 4*time.Second, "how long to measure CPU time, per tenant")
	return cmd
}

func verify(cmd *cobra.Command, t *target, opts mtc.VerifyOptions) (mtc.VerifyReport, error) {
	policy, tree, err := t.open(cmd.InOrStdin())
	if err != nil {
		return mtc.VerifyReport{}, err
	}
	defer func() { _ = tree.Close() }()
	self, err := os.Executable()
	if err != nil {
		return mtc.VerifyReport{}, exitcode.With(exitcode.Harness, fmt.Errorf("find own executable: %w", err))
	}
	opts.Workload = []string{self, workloadName}
	return mtc.Verify(cmd.Context(), tree, policy, opts)
}

func verdictError(v mtc.Verdict) error {
	code, known := map[mtc.Verdict]int{
		mtc.Fail: exitcode.Fail, mtc.Inconclusive: exitcode.Inconclusive, mtc.Unsupported: exitcode.Unsupported,
	}[v]
	if !known {
		return nil
	}
	return exitcode.With(code, fmt.Errorf("verdict: %s", v))
}
