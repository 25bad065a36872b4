package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

func printJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// find opens a container that runs.
func (s *store) find(id string) (*minicontainer.Live, error) {
	st, err := s.open()
	if err != nil {
		return nil, err
	}
	live, err := minicontainer.Find(st, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, exitcode.With(exitcode.Usage, err)
	}
	return live, err
}

// onOne is a command that does one thing to one container.
func onOne(s *store, use, short string, do func(cmd *cobra.Command, c *minicontainer.Live) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeNames,
		Example: "  " + name + " " + use + " web",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.find(args[0])
			if err != nil {
				return err
			}
			defer c.Close()
			return do(cmd, c)
		},
	}
}

func newPause(s *store) *cobra.Command {
	return onOne(s, "pause", "Stop all processes of a container where they are",
		func(_ *cobra.Command, c *minicontainer.Live) error { return c.Pause() })
}

func newResume(s *store) *cobra.Command {
	return onOne(s, "resume", "Let the processes of a paused container go on",
		func(_ *cobra.Command, c *minicontainer.Live) error { return c.Resume() })
}

func newUpdate(s *store) *cobra.Command {
	var limits limitFlags
	var force bool
	cmd := onOne(s, "update", "Change the limits of a running container", func(_ *cobra.Command, c *minicontainer.Live) error {
		r, err := limits.resources()
		if err == nil && r == nil {
			err = errors.New("no limit given")
		}
		if err != nil {
			return exitcode.With(exitcode.Usage, err)
		}
		return c.Update(r, !force)
	})
	cmd.Example = "  mini-container update web --memory 128M --cpus 0.5\n  mini-container update web --device-rule 'allow c 10:232 rw'"
	limits.add(cmd.Flags())
	cmd.Flags().BoolVar(&force, "force", false, "set --memory even below what is in use: the kernel reclaims, then kills")
	return cmd
}

func newStats(s *store) *cobra.Command {
	var asJSON bool
	cmd := onOne(s, "stats", "Show what a container uses", func(cmd *cobra.Command, c *minicontainer.Live) error {
		stats, err := c.Stats(time.Now())
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), stats)
		}
		return printStats(cmd.OutOrStdout(), stats)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a container-stats/v1 JSON document")
	return cmd
}

func newPs(s *store) *cobra.Command {
	var asJSON bool
	cmd := onOne(s, "ps", "List the processes of a container", func(cmd *cobra.Command, c *minicontainer.Live) error {
		list, err := c.Processes()
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), list)
		}
		return printProcesses(cmd.OutOrStdout(), list)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a container-ps/v1 JSON document")
	return cmd
}

func newKill(s *store) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "kill ID [SIGNAL]", Short: "Send a signal to a container's first process; SIGKILL if none is named",
		Long: "Send a signal to a container's first process; SIGKILL if none is named.\n\nAs PID 1 of its namespace it only gets signals that it has a handler for,\n" +
			"SIGKILL and SIGSTOP excepted.",
		Example: "  mini-container kill web\n  mini-container kill web HUP\n  mini-container kill --all web",
		Args:    cobra.RangeArgs(1, 2), ValidArgsFunction: s.completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			sig, err := parseSignal(append(args, "KILL")[1])
			if err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			c, err := s.find(args[0])
			if err != nil {
				return err
			}
			defer c.Close()
			return c.Kill(sig, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "to every process of the container, not only the first")
	return cmd
}

// parseSignal reads TERM, SIGTERM or 15.
func parseSignal(text string) (unix.Signal, error) {
	const last = 64 // SIGRTMAX
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= last {
		return unix.Signal(n), nil
	}
	name := strings.ToUpper(text)
	if sig := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG")); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("signal %q is none of this machine's", text)
}
