package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/bench"
)

// memoryTarget is what a supervisor may have had in memory, in bytes.
const memoryTarget = 12 << 20

// startDeadline is what a container that stays may take to start.
const startDeadline = time.Minute

const memoryMethod = "VmHWM of /proc/PID/status while the container runs"

// memory reads the most that supervisors have had in memory.
func (b *benchmark) memory(ctx context.Context, m mode, place bundle) {
	for _, kind := range []struct {
		name string
		peak func(context.Context, mode, bundle) (int64, error)
	}{
		{"memory of the supervisor", b.attachedPeak},
		{"memory of the supervisor, detached and with its log", b.detachedPeak},
	} {
		size := bench.Size{Name: kind.name, Variant: m.name, Method: memoryMethod, Target: memoryTarget}
		bytes, err := kind.peak(ctx, m, place)
		if err != nil {
			size.SkipReason = err.Error()
		}
		size.Bytes = bytes
		b.report.Sizes = append(b.report.Sizes, size)
	}
}

// attachedPeak is of a supervisor that somebody waits for.
func (b *benchmark) attachedPeak(ctx context.Context, m mode, place bundle) (int64, error) {
	args := b.run(m, place, "/bin/pause")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", own, err)
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }() // the container dies with it
	if err := waitForChild(ctx, cmd.Process.Pid, place); err != nil {
		return 0, err
	}
	return peak(cmd.Process.Pid)
}

// waitForChild waits until a child of pid executes the program that pauses.
func waitForChild(ctx context.Context, pid int, place bundle) error {
	want, err := os.Stat(filepath.Join(place.rootfs(), "bin/pause"))
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(startDeadline); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		if err != nil {
			return err
		}
		for _, path := range children {
			text, _ := os.ReadFile(path) // a thread that has ended has none
			for child := range strings.FieldsSeq(string(text)) {
				have, err := os.Stat(filepath.Join("/proc", child, "exe"))
				if err == nil && os.SameFile(want, have) {
					return nil
				}
			}
		}
	}
	return errors.New("the container's program does not run")
}

// detachedPeak is of one that copies output to a log.
func (b *benchmark) detachedPeak(ctx context.Context, m mode, place bundle) (int64, error) {
	state := place.state() + "-detached"
	defer os.RemoveAll(state)
	args := b.run(m, place, "/bin/pause", "--detach", "--state-dir", state)
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", own, err)
	}
	name := strings.TrimSpace(string(out))
	defer func() {
		_ = exec.Command(b.binary, "--state-dir", state, "delete", "--force", name).Run() // also after Ctrl-C
	}()
	text, err := os.ReadFile(filepath.Join(state, name, "state.json"))
	if err != nil {
		return 0, err
	}
	var record struct {
		Supervisor int `json:"supervisor_pid"`
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return 0, err
	}
	return peak(record.Supervisor)
}

// peak is the most memory that a process has had.
func peak(pid int) (int64, error) {
	f, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), "VmHWM:"); found {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("VmHWM is not in status")
}
