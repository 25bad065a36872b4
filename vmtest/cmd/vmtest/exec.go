package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
)

func newExec() *cobra.Command {
	var f execFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "exec --kernel KERNEL [flags] -- COMMAND [ARGS...]",
		Short: "Run any command on one or several kernels",
		Long: `Exec boots each kernel and runs the command in it as root. Standard input,
output and error are passed through, the two outputs apart; the command's exit
status is ours.

A command without a slash is one of the guest's (Debian 13). A path is the
guest's if it has that, else a program of this host, which is copied to the same
place; --mount brings what else it needs. A test binary of Go gets its module
and leaves its profiles by itself: go test -exec 'vmtest exec --kernel 5.10 --'.

With several kernels the outputs come one after the other, and the exit status
is the first that is not 0 in the order of --kernel.

Exit status: the command's; 128 and the signal's number if it was killed by one;
124 after --timeout; 1 if the kernel panicked, or complained in its log while the
command succeeded; 2 bad usage; 128 our own fault, or the guest was lost.`,
		Example: `  vmtest exec --kernel 6.12 -- uname -a
  vmtest exec --kernel 5.10 --kernel 7 -- ./static-binary --flag
  vmtest exec --kernel 6.12 --mount . -- sh -c 'ls | wc -l'
  vmtest exec --kernel 6.1 --timeout 30s --json -- ./reproducer 2>output.log
  vmtest exec --kernel 6.12 --module veth --get /tmp/out:results -- ./trace /tmp/out
  go test -exec 'vmtest exec --kernel 5.10 --' -coverprofile=c.out ./...`,
		Args: commandArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.config(cmd, args)
			if err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			return execute(cmd, c, asJSON)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.kernels, "kernel", nil, "kernel to run on: 6.12, host, a vmlinuz, ... (see vmtest kernels); repeat it for several")
	flags.IntVar(&f.Jobs, "jobs", 1, "kernels at once")
	flags.BoolVar(&asJSON, "json", false, "print an exec-result/v1 document on standard output; the command's output goes to standard error")
	return cmd
}

// commandArgs wants a command to run in the guest.
func commandArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command named: %s [flags] -- COMMAND [ARGS...]", cmd.CommandPath())
	}
	return nil
}

// execute runs the command and reports on it.
func execute(cmd *cobra.Command, c vmtest.ExecConfig, asJSON bool) error {
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr()
	if asJSON {
		c.Stdout = c.Stderr
	}
	signals, stop := passSignals()
	defer stop()
	c.Signals = signals
	// The context of main ends at the first signal, which is the command's.
	result, err := vmtest.Exec(context.WithoutCancel(cmd.Context()), c)
	if err != nil {
		return err
	}
	if asJSON {
		if err := printJSON(cmd.OutOrStdout(), result); err != nil {
			return exitcode.With(exitcode.Harness, err)
		}
	}
	return exitcode.Quiet(result.ExitCode)
}

func printJSON(w io.Writer, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}

// passSignals catches what a terminal or a supervisor sends. A closed pipe is
// an error of the write, so that nothing is left behind.
func passSignals() (signals <-chan syscall.Signal, stop func()) {
	caught, passed := make(chan os.Signal, 8), make(chan syscall.Signal)
	signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	signal.Ignore(syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-caught:
				select {
				case passed <- sig.(syscall.Signal):
				case <-done:
				}
			case <-done:
				return
			}
		}
	}()
	return passed, func() {
		signal.Stop(caught)
		close(done)
	}
}
