package cli_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/cli"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

func tree() *cobra.Command {
	root := &cobra.Command{Use: "tool", Short: "A tool"}
	pass := func(cmd *cobra.Command, args []string) error {
		fmt.Fprint(cmd.OutOrStdout(), "did ", args)
		return nil
	}
	root.AddCommand(
		&cobra.Command{Use: "plain", RunE: pass},
		&cobra.Command{Use: "one NAME", Args: cobra.ExactArgs(1), RunE: pass},
		&cobra.Command{Use: "fail", RunE: func(*cobra.Command, []string) error { return errors.New("went wrong") }},
		&cobra.Command{Use: "quiet", RunE: func(*cobra.Command, []string) error { return exitcode.Quiet(7) }},
		&cobra.Command{Use: "old", RunE: func(*cobra.Command, []string) error {
			return exitcode.With(exitcode.Unsupported, errors.New("too old"))
		}},
	)
	return root
}

func TestRun(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"no arguments is help", nil, 0, "Usage:", ""},
		{"version", []string{"--version"}, 0, "tool version", ""},
		{"completion", []string{"completion", "bash"}, 0, "tool", ""},
		{"plain", []string{"plain"}, 0, "did []", ""},
		{"argument", []string{"one", "x"}, 0, "did [x]", ""},
		{"missing argument", []string{"one"}, 2, "", "tool: accepts 1 arg(s), received 0\n"},
		{"unwanted argument", []string{"plain", "x"}, 2, "", `tool: unknown command "x" for "tool plain"`},
		{"unknown command", []string{"nonsense"}, 2, "", `tool: unknown command "nonsense" for "tool"`},
		{"unknown flag", []string{"plain", "--x"}, 2, "", "tool: unknown flag: --x\n"},
		{"failure", []string{"fail"}, 1, "", "tool: went wrong\n"},
		{"quiet failure", []string{"quiet"}, 7, "", ""},
		{"coded failure", []string{"old"}, 4, "", "tool: too old\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			require.Equal(t, tt.code, cli.Run(context.Background(), tree(), tt.args, &stdout, &stderr))
			require.Contains(t, stdout.String(), tt.stdout)
			require.Contains(t, stderr.String(), tt.stderr)
		})
	}
}
