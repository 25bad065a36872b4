package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
)

func newShell() *cobra.Command {
	var f execFlags
	var kernel string
	cmd := &cobra.Command{
		Use:   "shell --kernel KERNEL [flags] [-- COMMAND [ARGS...]]",
		Short: "Open a terminal in a guest",
		Long: `Shell boots the kernel and gives you a root shell in it. The terminal is the
guest's: its size follows yours, Ctrl-C and Ctrl-Z go inside, exit or Ctrl-D ends
it. Ctrl-] three times in a row ends it from outside, should the guest hang.

What the shell changes is gone with the VM; --get brings files back. With a
command, that one gets the terminal instead of a shell. Where standard input or
output is not a terminal, the shell reads its commands from standard input, as sh
does.

Exit status: that of the shell; otherwise as of exec.`,
		Example: `  vmtest shell --kernel 5.10
  vmtest shell --kernel 6.12 --mount . --memory 4G
  vmtest shell --kernel 6.12 -- busybox top
  echo 'uname -r' | vmtest shell --kernel 7`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if kernel != "" {
				f.kernels = []string{kernel}
			}
			if len(args) == 0 {
				args = []string{"bash", "--norc"}
				f.Env = append([]string{"PS1=" + prompt(kernel)}, f.Env...)
			}
			c, err := f.config(cmd, args)
			if err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			in, out := os.Stdin, cmd.OutOrStdout()
			if file, ok := out.(*os.File); ok && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(file.Fd())) {
				return interact(cmd, c, in, file)
			}
			return execute(cmd, c, false)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&kernel, "kernel", "", "kernel to boot: 6.12, host, a vmlinuz, ... (see vmtest kernels)")
	return cmd
}

// prompt says where one is: "vmtest 5.10 /root# ".
func prompt(kernel string) string {
	name := strings.NewReplacer(`\`, "", "$", "", "`", "").Replace(filepath.Base(kernel))
	return `vmtest ` + name + ` \w\$ `
}

// interact runs a command on our terminal.
func interact(cmd *cobra.Command, c vmtest.ExecConfig, in, out *os.File) error {
	t, err := newTerminal(in, out)
	if err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	defer t.close()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(cmd.Context()))
	defer cancel(nil)
	fmt.Fprintln(cmd.ErrOrStderr(), "vmtest: booting; exit or Ctrl-D ends the shell, Ctrl-] three times the VM")
	signals, stop := passSignals()
	defer stop()
	c.Terminal, c.Signals = t.guests(), signals
	c.Stdin = &escapeReader{in: in, escape: func() { cancel(errors.New("ended by Ctrl-] three times")) }}
	c.Stdout, c.Stderr = out, cmd.ErrOrStderr()
	result, err := vmtest.Exec(ctx, c)
	t.close()
	if err != nil {
		return err
	}
	return exitcode.Quiet(result.ExitCode)
}
