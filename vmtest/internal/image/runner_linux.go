package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// drainTime bounds the wait for a killed command's output to end.
const drainTime = 5 * time.Second

// Run runs a program as builds run theirs: all of its processes end with ctx.
func Run(ctx context.Context, output io.Writer, argv ...string) error {
	return execRunner(ctx, command{argv: argv, output: output})
}

// execRunner runs c in a process group of its own, which dies with ctx, with
// this process and with this process's thread (hence the lock).
func execRunner(ctx context.Context, c command) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	path, err := lookPath(c.argv[0])
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, c.argv[1:]...)
	cmd.Env = append(append(os.Environ(), "PATH="+searchPath(), "LC_ALL=C.UTF-8"), c.env...)
	cmd.Stdout, cmd.Stderr = c.output, c.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = drainTime
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("run %s: %w", c.argv[0], err)
	}
	return nil
}

// searchPath is PATH with the system directories, which unprivileged users
// often lack and mke2fs is in.
func searchPath() string { return os.Getenv("PATH") + ":/usr/sbin:/sbin" }

// LookPath is an error if a program that builds need is not installed.
func LookPath(name string) error {
	_, err := lookPath(name)
	return err
}

// Isolated is argv as builds run their programs: with namespaces of its own.
func Isolated(argv ...string) []string { return append(rootPrefix(os.Geteuid()), argv...) }

// lookPath finds a program in searchPath; the error says what to install.
func lookPath(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, nil
		}
	}
	packages := map[string]string{"mke2fs": "e2fsprogs", "unshare": "util-linux"}
	if p := packages[name]; p != "" {
		return "", fmt.Errorf("find %s: not installed (package %s)", name, p)
	}
	return "", errors.New("find " + name + ": not installed")
}
