package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
)

func newBisect() *cobra.Command {
	var f execFlags
	var good, bad string
	var list []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bisect --first-good KERNEL --first-bad KERNEL [flags] -- COMMAND [ARGS...]",
		Short: "Find the kernel from which on a command fails, or works",
		Long: `Bisect runs the command on kernels between one that it works on and one that it
fails on, and names the first kernel that is like the newer of the two. Either
may be the newer one: what broke is found like what was mended.

Without --kernels it takes the series between the two, and if both belong to one
series, the versions of that which can be had (vmtest kernels list --available).

The command's exit status says what a kernel is, as for git bisect run: 0 good,
125 tells nothing, 1 to 127 bad, 128 and more stop the search. A panic, a
complaint of the kernel and the end of --timeout are bad. A kernel that cannot be
had or does not boot tells nothing. A command that is killed by a signal stops
the search; sh -c './command || exit 1' makes it bad.

Both ends are tried first. That there is but one change between them is taken for
granted: a kernel that differs from its neighbours may go unnoticed.

Exit status: 0 found, 3 kernels that told nothing hide which it is, 1 an end is
not what was said, 2 bad usage, 128 stopped.`,
		Example: `  vmtest bisect --first-good 5.10 --first-bad 7 -- ./reproducer
  vmtest bisect --first-good 6.1.192-2 --first-bad 6.1.170-3 -- ./test-of-the-fix
  vmtest bisect --first-good a --first-bad c --kernels a,b,c -- ./own-kernels`,
		Args: commandArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if good == "" || bad == "" {
				return exitcode.With(exitcode.Usage, errors.New("--first-good and --first-bad name the two ends"))
			}
			f.kernels = []string{good} // config wants one
			c, err := f.config(cmd, args)
			if err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			c.Kernels = split(list)
			return runBisect(cmd, vmtest.BisectConfig{ExecConfig: c, Good: good, Bad: bad}, asJSON)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&good, "first-good", "", "kernel that the command works on")
	flags.StringVar(&bad, "first-bad", "", "kernel that the command fails on")
	flags.StringSliceVar(&list, "kernels", nil, "kernels to search, oldest first, both ends among them")
	flags.BoolVar(&asJSON, "json", false, "print a bisect-result/v1 document on standard output")
	return cmd
}

func runBisect(cmd *cobra.Command, c vmtest.BisectConfig, asJSON bool) error {
	// The command's outputs are for the curious; standard output is the result.
	c.Stdout, c.Stderr = cmd.ErrOrStderr(), cmd.ErrOrStderr()
	c.Step = func(k vmtest.BisectKernel, left int) {
		fmt.Fprintf(cmd.ErrOrStderr(), "vmtest: %s is %s%s; about %d more to try\n", k.Spec, k.Verdict, because(k), left)
	}
	signals, stop := passSignals()
	defer stop()
	c.Signals = signals
	result, err := vmtest.Bisect(context.WithoutCancel(cmd.Context()), c)
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), result)
	} else {
		err = printBisect(cmd.OutOrStdout(), result)
	}
	if err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	return exitcode.Quiet(result.ExitCode())
}

func because(k vmtest.BisectKernel) string {
	if k.Reason == "" {
		return ""
	}
	return " (" + oneLine(k.Reason) + ")"
}

// printBisect prints the table of kernels and what was found.
func printBisect(w io.Writer, r vmtest.BisectReport) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KERNEL\tRELEASE\tVERDICT\tTRIED\tTOOK\tWHY")
	for _, k := range r.Kernels {
		if k.Verdict == vmtest.BisectUntested {
			fmt.Fprintf(t, "%s\t-\t-\t-\t-\t\n", k.Spec)
			continue
		}
		took := time.Duration(k.DurationNS).Round(10 * time.Millisecond)
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", k.Spec, orDash(k.Release), k.Verdict, k.Order, took, oneLine(k.Reason))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", conclusion(r))
	return err
}

func conclusion(r vmtest.BisectReport) string {
	what := map[string]string{vmtest.FirstBad: "first bad kernel", vmtest.FirstGood: "first good kernel"}[r.LookingFor]
	switch r.Status {
	case vmtest.BisectFound:
		return fmt.Sprintf("%s: %s (%d tried; one change between the ends is taken for granted)", what, r.Candidates[0], r.TestedCount)
	case vmtest.BisectRange:
		return fmt.Sprintf("%s: one of %s (%s)", what, strings.Join(r.Candidates, ", "), r.Reason)
	}
	return fmt.Sprintf("%s: %s", r.Status, r.Reason)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
