package cgroupfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// freezeWait bounds the wait for a cgroup to report that it is frozen.
const freezeWait = 2 * time.Second

// reapWait bounds the wait for a list of processes that all have a pid.
const reapWait = 2 * time.Second

// Kill sends SIGKILL to every process in the cgroup and below it. It returns
// once the signals are sent, not when the processes are gone. It refuses a
// cgroup that holds the caller, and the root cgroup.
func Kill(dir string) error {
	if _, err := Populated(dir); err != nil {
		return fmt.Errorf("kill cgroup: %w", err)
	}
	pids, err := procsBelow(dir)
	if err != nil {
		return fmt.Errorf("kill cgroup: %w", err)
	}
	if slices.Contains(pids, os.Getpid()) {
		return fmt.Errorf("kill cgroup %s: it holds this process", dir)
	}
	err = Write(dir, "cgroup.kill", "1")
	if errors.Is(err, unix.ENOENT) {
		return killFrozen(dir)
	}
	return err
}

// killFrozen does what cgroup.kill does from 5.14 on: frozen processes cannot
// fork away between the listing and the signal.
func killFrozen(dir string) error {
	if err := Write(dir, "cgroup.freeze", "1"); err != nil {
		return fmt.Errorf("freeze cgroup: %w", err)
	}
	waitFrozen(dir)
	killErr := signalAll(dir)
	if err := Write(dir, "cgroup.freeze", "0"); err != nil {
		return errors.Join(killErr, fmt.Errorf("thaw cgroup: %w", err))
	}
	return killErr
}

// waitFrozen gives up silently after freezeWait: a process in uninterruptible
// sleep does not freeze, and it cannot fork either.
func waitFrozen(dir string) {
	for end := time.Now().Add(freezeWait); time.Now().Before(end); time.Sleep(pollEvery) {
		events, err := ReadKeyed(dir, "cgroup.events")
		if err != nil || events["frozen"] == 1 {
			return
		}
	}
}

func signalAll(dir string) error {
	pids, err := procsBelow(dir)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	return nil
}

// procsBelow lists the processes of dir and of every cgroup below it. A pid 0
// that stays is of another pid namespace; one that was reaped meanwhile is not
// there the next time.
func procsBelow(dir string) ([]int, error) {
	for end := time.Now().Add(reapWait); ; time.Sleep(pollEvery) {
		pids, err := listBelow(dir)
		if !errors.Is(err, errNoPid) || time.Now().After(end) {
			return pids, err
		}
	}
}

func listBelow(dir string) ([]int, error) {
	var all []int
	err := walkUp(dir, func(dir string) error {
		pids, err := Procs(dir)
		all = append(all, pids...)
		return err
	})
	return all, err
}

// walkUp calls visit for every cgroup of the subtree, children first. A
// cgroup that vanishes meanwhile is no error.
func walkUp(dir string, visit func(string) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ignoreGone(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := walkUp(filepath.Join(dir, e.Name()), visit); err != nil {
			return err
		}
	}
	return ignoreGone(visit(dir))
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
