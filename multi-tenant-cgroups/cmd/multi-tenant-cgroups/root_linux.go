package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

const name = "multi-tenant-cgroups"

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   name,
		Short: "Put tenants into cgroups with limits, and prove that the kernel enforces them",
		Long: `Put tenants into cgroups with limits, and prove that the kernel enforces them.

Exit codes: 0 done, or every limit holds; 1 a limit does not hold, or the kernel
refused something; 2 bad arguments or policy; 3 nothing was proved, either way;
4 this machine lacks cgroup v2 or a controller; 128 a fault of this program.`,
		Example: "  " + name + " apply -f policy.yaml && " + name + " verify -f policy.yaml",
	}
	root.AddCommand(newApply(), newVerify(), newRemove(), newWorkload())
	for _, cmd := range root.Commands() {
		cmd.RunE = coded(cmd.RunE)
	}
	return root
}

// coded gives what the library reports its exit code.
func coded(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		var known *exitcode.Error
		if err == nil || errors.As(err, &known) {
			return err
		}
		return exitcode.With(codeOf(err), err)
	}
}

// target is what all subcommands work on.
type target struct{ policyFile, cgroupRoot string }

func (t *target) flags(cmd *cobra.Command) {
	cmd.Args = cobra.NoArgs
	cmd.Flags().StringVarP(&t.policyFile, "file", "f", "", "policy, YAML or JSON (cgroup-policy/v1); - is standard input")
	cmd.Flags().StringVar(&t.cgroupRoot, "cgroup-root", "/sys/fs/cgroup", "cgroup2 mount, or a directory below it that was delegated to you")
}

// open reads the policy first: a bad one touches nothing.
func (t *target) open(in io.Reader) (mtc.Policy, *mtc.KernelTree, error) {
	text, err := t.read(in)
	if err != nil {
		return mtc.Policy{}, nil, exitcode.With(exitcode.Usage, fmt.Errorf("read policy: %w", err))
	}
	policy, err := mtc.ParsePolicy(text)
	if err != nil {
		return mtc.Policy{}, nil, exitcode.With(exitcode.Usage, err)
	}
	tree, err := mtc.OpenTree(t.cgroupRoot)
	return policy, tree, err
}

func (t *target) read(in io.Reader) ([]byte, error) {
	switch t.policyFile {
	case "":
		return nil, errors.New("name one with -f")
	case "-":
		return io.ReadAll(io.LimitReader(in, 2<<20))
	}
	return os.ReadFile(t.policyFile)
}

// codeOf finds the exit code for an error that carries none.
func codeOf(err error) int {
	for _, known := range []struct {
		err  error
		code int
	}{
		{mtc.ErrNotCgroup2, exitcode.Unsupported},
		{mtc.ErrNoController, exitcode.Unsupported},
		{syscall.ENOTSUP, exitcode.Unsupported},
		{context.Canceled, exitcode.Inconclusive},
		{mtc.ErrForeign, exitcode.Fail},
		{mtc.ErrOvercommit, exitcode.Fail},
		{mtc.ErrNotApplied, exitcode.Usage},
		{mtc.ErrNoTenant, exitcode.Usage},
		{mtc.ErrBusy, exitcode.Usage},
		{fs.ErrPermission, exitcode.Usage},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return exitcode.Fail
}
