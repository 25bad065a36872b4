package kernels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Command is a program to run: Argv[0] is looked up in PATH, Dir is its
// working directory.
type Command struct {
	Dir  string
	Argv []string
}

// Runner runs a command to its end and returns its standard output. Its error
// holds what the command said on standard error. When ctx ends, the command
// and its children are ended before Runner returns.
type Runner func(ctx context.Context, c Command) (stdout string, err error)

// Exec is the Runner that starts processes.
func Exec(ctx context.Context, c Command) (string, error) {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "LANGUAGE=")
	// apt leaves the work to children, so the whole group has to go.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", runError(ctx, c, err, stderr.String())
	}
	return stdout.String(), nil
}

// runError says which program failed and what it said.
func runError(ctx context.Context, c Command, err error, stderr string) error {
	name := filepath.Base(c.Argv[0])
	if ctx.Err() != nil {
		return fmt.Errorf("run %s: %w", name, ctx.Err())
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("run %s: not installed: %w", name, err)
	}
	return fmt.Errorf("run %s: %w: %s", name, err, complaint(stderr))
}

// chatter is what apt says that helps nobody: that root downloads without the
// sandbox user (it is so wherever only root can enter), that what it just
// complained about failed, and the list of sums below "Hash Sum mismatch".
var chatter = regexp.MustCompile(`performed unsandboxed as root|^E: Some index files failed to download|` +
	`^(?:Hashes of (?:expected|received) file:|- [A-Za-z0-9]+:.*|Last modification reported:.*)$`)

// complaint is a program's standard error on one line, without chatter.
func complaint(stderr string) string {
	var kept []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if line != "" && !chatter.MatchString(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "; ")
}
