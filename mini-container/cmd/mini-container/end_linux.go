package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// killWait bounds how long a container may take to vanish after SIGKILL.
const killWait = 30 * time.Second

func newStop(s *store) *cobra.Command {
	var patience time.Duration
	cmd := onOne(s, "stop", "End a container: SIGTERM, some patience, SIGKILL", func(_ *cobra.Command, c *minicontainer.Live) error {
		st, err := s.open()
		if err != nil {
			return err
		}
		if err := c.Kill(unix.SIGTERM, false); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		err = minicontainer.WaitStopped(st, c.ID, patience)
		if !errors.Is(err, unix.ETIMEDOUT) {
			return err
		}
		if err := c.Kill(unix.SIGKILL, false); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		return minicontainer.WaitStopped(st, c.ID, killWait)
	})
	cmd.Flags().DurationVar(&patience, "timeout", 10*time.Second, "`DURATION` between SIGTERM and SIGKILL")
	return cmd
}

func newDelete(s *store) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Forget a detached container that has ended, with its log",
		Example: "  mini-container delete web\n  mini-container delete --force web",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			st, err := s.open()
			if err != nil {
				return err
			}
			if force {
				if err := s.end(args[0]); err != nil {
					return err
				}
			}
			return minicontainer.Delete(st, args[0])
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "kill it first if it runs")
	return cmd
}

// end kills a container that runs; one that does not is fine.
func (s *store) end(id string) error {
	c, err := s.find(id)
	if exitcode.Of(err) == exitcode.Fail && err != nil {
		return nil // it is not running
	}
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Kill(unix.SIGKILL, false); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	st, err := s.open()
	if err != nil {
		return err
	}
	return minicontainer.WaitStopped(st, id, killWait)
}

func newLogs(s *store) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "logs ID", Short: "Show what a detached container has said, the last 4 to 8 MiB of it",
		Example: "  mini-container logs -f web",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := s.open()
			if err != nil {
				return err
			}
			return minicontainer.Logs(st, args[0], follow, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until it has ended")
	return cmd
}
