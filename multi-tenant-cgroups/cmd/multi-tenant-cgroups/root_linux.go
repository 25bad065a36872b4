package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/buildinfo"
	"namespaces-cgroups-ebpf/internal/exitcode"
	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

const name = "multi-tenant-cgroups"

// run is the whole program but for the exit.
func run(args []string, in io.Reader, out, diagnostics io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(diagnostics)
	err := root.ExecuteContext(ctx)
	var coded *exitcode.Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return exitcode.With(codeOf(err), err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   name,
		Short: "Put tenants into cgroups with limits, and prove that the kernel enforces them",
		Long: `Put tenants into cgroups with limits, and prove that the kernel enforces them.

Exit codes: 0 done, or every limit holds; 1 a limit does not hold, or the kernel
refused something; 2 bad arguments or policy; 3 nothing was proved, either way;
4 this machine lacks cgroup v2 or a controller; 128 a fault of this program.`,
		Example:       "  " + name + " apply -f policy.yaml && " + name + " verify -f policy.yaml",
		Version:       buildinfo.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exitcode.With(exitcode.Usage, fmt.Errorf("unknown command %q: see %s --help", args[0], name))
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitcode.With(exitcode.Usage, err) })
	root.AddCommand(newApply(), newVerify(), newRemove(), newWorkload())
	return root
}

// target is what all subcommands work on.
type target struct{ policyFile, cgroupRoot string }

func (t *target) flags(cmd *cobra.Command) {
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return exitcode.With(exitcode.Usage, fmt.Errorf("unexpected argument %q", args[0]))
		}
		return nil
	}
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
