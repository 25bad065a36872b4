package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// upWait bounds the wait for systemd to have started everything. The host has
// a shorter patience; this only ends a machine that nobody watches.
const upWait = 10 * time.Minute

// Agent serves the host where systemd is process 1: a unit, which becomeSystemd
// made. It ends in a power-off, as Main does.
func Agent() {
	if !isSystemdGuest("/proc/cmdline") {
		fmt.Fprintln(os.Stderr, "vmtest-agent: not in a guest")
		return
	}
	console, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		console = os.Stderr
	}
	if err := serveBesideSystemd(console); err != nil {
		fmt.Fprintf(console, "vmtest-init: fatal: %v\n", err)
	}
	service{}.PowerOff()
}

// isSystemdGuest reports whether this machine is one that was made for the
// agent: it powers machines off.
func isSystemdGuest(cmdline string) bool {
	data, err := os.ReadFile(cmdline)
	words := strings.Fields(string(data))
	return err == nil && slices.Contains(words, "vmtest=1") && slices.Contains(words, systemVariable+"="+systemd)
}

// serveBesideSystemd waits until systemd is done and then does what live does.
func serveBesideSystemd(console io.Writer) error {
	// Orphans come to us and not to systemd: what a command leaves is found.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	cages, err := newCages("/sys/fs/cgroup", "/proc")
	if err != nil {
		return err
	}
	u := &unit{machine: newMachine(service{}, ""), cages: cages}
	if err := u.settleDown(); err != nil {
		return err
	}
	for _, warning := range u.warnings {
		fmt.Fprintf(console, "vmtest-init: %s\n", warning)
	}
	port, err := openChannel("/sys")
	if err != nil {
		return err
	}
	return converse(port, u)
}

// settleDown waits for systemd and adds what it left out of the contract.
func (u *unit) settleDown() error {
	data, err := os.ReadFile(u.path(warningsPath))
	if err != nil {
		return fmt.Errorf("read init's warnings: %w", err)
	}
	u.warnings = slices.Collect(nonEmpty(strings.SplitSeq(string(data), "\n")))
	if err := u.awaitSystemd(systemctl); err != nil {
		return err
	}
	if err := u.mountAll(u.missing()); err != nil {
		return err
	}
	if err := u.linkDevices(); err != nil {
		return err
	}
	u.applySysctls()
	return nil
}

// missing lists the contract's mounts that systemd has not made.
func (u *unit) missing() []Mount {
	data, _ := os.ReadFile(u.path("/proc/self/mounts"))
	var missing []Mount
	for _, mount := range lateMounts {
		if !strings.Contains(string(data), " "+mount.Target+" ") {
			missing = append(missing, mount)
		}
	}
	return missing
}

// awaitSystemd waits until systemd has started everything. A unit that failed
// is worth a warning, not the machine: tests may not need it.
func (u *unit) awaitSystemd(ask func(args ...string) (string, error)) error {
	state, err := ask("is-system-running", "--wait")
	switch state {
	case "running":
		return nil
	case "degraded":
		failed, err := ask("list-units", "--failed", "--plain", "--no-legend")
		var names []string
		for line := range strings.Lines(failed) {
			if fields := strings.Fields(line); len(fields) > 0 {
				names = append(names, fields[0])
			}
		}
		u.warn(fmt.Errorf("systemd is degraded, failed units: %s", strings.Join(names, " ")))
		u.warn(err)
		return nil
	}
	return fmt.Errorf("wait for systemd: it is %q: %w", state, err)
}

// systemctl runs systemctl(1); an exit status is no error if it said something.
func systemctl(args ...string) (string, error) {
	cmd := exec.Command("/usr/bin/systemctl", args...)
	cmd.Env = []string{"PATH=" + defaultPath, "LC_ALL=C.UTF-8"}
	cmd.WaitDelay = time.Second
	stop := time.AfterFunc(upWait, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	out, err := cmd.Output()
	text := strings.TrimSpace(string(out))
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return text, err
}

func nonEmpty(lines func(func(string) bool)) func(func(string) bool) {
	return func(yield func(string) bool) {
		lines(func(line string) bool { return line == "" || yield(line) })
	}
}
