package guest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// defaultPath serves commands whose environment has no PATH, and modprobe.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// prepare does what comes before the start and finds the program.
func (c *command) prepare() (string, error) {
	if err := c.loadModules(); err != nil {
		return "", err
	}
	if err := makeOutDir(c.run); err != nil {
		return "", err
	}
	return lookPath(c.run)
}

// loadModules runs one modprobe(8) for all. A signal of the host meanwhile goes
// to modprobe, so that a hanging module cannot outlive the host's deadline.
func (c *command) loadModules() error {
	if len(c.run.Modules) == 0 {
		return nil
	}
	argv := append([]string{"modprobe", "-a", "--"}, c.run.Modules...)
	helper := wire.Run{Argv: argv, Env: []string{"PATH=" + defaultPath}, Dir: "/"}
	path, err := lookPath(helper)
	if err != nil {
		return fmt.Errorf("load modules: %w", err)
	}
	message, status, err := c.runHelper(path, helper)
	if err != nil {
		return fmt.Errorf("load modules: %w", err)
	}
	if status != 0 {
		return fmt.Errorf("load modules %s: %s", strings.Join(c.run.Modules, " "), strings.TrimSpace(message))
	}
	return nil
}

// runHelper runs a short program of init's own; message is its standard error.
func (c *command) runHelper(path string, run wire.Run) (message string, status unix.WaitStatus, err error) {
	streams, err := openStreams(false)
	if err != nil {
		return "", 0, err
	}
	defer streams.close()
	attr := &syscall.ProcAttr{Dir: run.Dir, Env: run.Env, Files: streams.child[:], Sys: &syscall.SysProcAttr{Setpgid: true}}
	c.mu.Lock()
	pid, ended, err := c.session.reaper.start(func() (int, error) { return syscall.ForkExec(path, run.Argv, attr) })
	c.pid = pid
	c.mu.Unlock()
	streams.closeChild()
	if err != nil {
		return "", 0, fmt.Errorf("start %s: %w", path, err)
	}
	// Standard output stays unread; modprobe prints nothing there.
	text, _ := io.ReadAll(io.LimitReader(streams.outputs[1].file, 4096))
	end := <-ended
	c.mu.Lock()
	c.pid = 0
	c.mu.Unlock()
	return string(text), end.status, nil
}

// makeOutDir gives the command an empty directory of its own.
func makeOutDir(run wire.Run) error {
	if run.OutDir == "" {
		return nil
	}
	if err := os.MkdirAll(run.OutDir, 0o755); err != nil {
		return fmt.Errorf("make output directory: %w", err)
	}
	entries, err := os.ReadDir(run.OutDir)
	if err != nil {
		return fmt.Errorf("check output directory: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("check output directory: %s is not empty", run.OutDir)
	}
	if credential(run) == nil {
		return nil
	}
	if err := os.Chown(run.OutDir, int(run.UID), int(run.GID)); err != nil {
		return fmt.Errorf("give output directory away: %w", err)
	}
	return nil
}

// lookPath finds argv[0] as execvp(3) would with the command's own PATH.
func lookPath(run wire.Run) (string, error) {
	name := run.Argv[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(pathOf(run.Env)) {
		path := filepath.Join(dir, name)
		at := path
		if !filepath.IsAbs(path) {
			at = filepath.Join(run.Dir, path)
		}
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return at, nil
		}
	}
	return "", fmt.Errorf("find %s in PATH: %w", name, os.ErrNotExist)
}

func pathOf(env []string) string {
	path := defaultPath
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			path = value
		}
	}
	return path
}
