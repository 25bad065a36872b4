package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/account"
)

func newExec(code *int, s *store) *cobra.Command {
	var e minicontainer.Exec
	cmd := &cobra.Command{
		Use: "exec ID [flags] -- COMMAND [ARG...]", Short: "Run a command in a container that runs already",
		Long: "Run a command in the namespaces and the cgroup of a container that runs already, with\n" +
			"the privileges of the container's own command. It ends when exec does.\n\nExit codes are those of run.",
		Example: "  mini-container exec -t web -- sh\n  mini-container exec --user nobody web -- id",
		Args:    idThenCommand, ValidArgsFunction: s.completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := account.Parse(e.User); e.User != "" && err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			c, err := s.find(args[0])
			if err != nil {
				return err
			}
			defer c.Close()
			signals := make(chan os.Signal, 16)
			signal.Notify(signals, forwarded...)
			e.In, e.Args, e.Signals = c, args[1:], signals
			e.Stdin, e.Stdout, e.Stderr = os.Stdin, os.Stdout, os.Stderr
			*code, err = e.Run()
			return err
		},
	}
	cmd.Flags().StringArrayVar(&e.Env, "env", nil, "set `KEY=VALUE` in the command's environment; may be repeated")
	cmd.Flags().BoolVarP(&e.Terminal, "tty", "t", false, "give it a terminal of its own, connected with this one")
	cmd.Flags().StringVar(&e.User, "user", "", "run as `USER[:GROUP]`, numbers or names of the container; default is whom its command runs as")
	cmd.Flags().StringVar(&e.Cwd, "workdir", "", "`DIR` in the container to start in; default is the container's")
	return cmd
}

func idThenCommand(cmd *cobra.Command, args []string) error {
	switch dash := cmd.ArgsLenAtDash(); {
	case dash < 0:
		return errors.New("no command given: put it after --")
	case dash != 1:
		return fmt.Errorf("want one container id before --, got %d", dash)
	case len(args) < 2:
		return errors.New("no command given: put it after --")
	}
	return nil
}
