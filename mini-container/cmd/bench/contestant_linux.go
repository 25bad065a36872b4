package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// own is the name of the contestant that this is about.
const own = "mini-container"

// contestant is a program that makes containers.
type contestant struct {
	name    string
	version string
	note    string // what is different with it
	// command is the program with its arguments, for the n-th container.
	command func(n int) []string
	samples []time.Duration
	err     error // why it is not measured
}

// contestants are all that can do what the mode asks for.
func (b *benchmark) contestants(ctx context.Context, m mode, place bundle) []*contestant {
	list := []*contestant{
		{name: own, command: func(int) []string { return b.run(m, place, "/bin/true") }},
		{name: "crun", command: func(n int) []string {
			return append(crun(m), "--root", place.state(), "run", "--bundle", place.dir, id(n))
		}},
		{name: "runc", command: func(n int) []string {
			return []string{"runc", "--root", place.state(), "run", "--bundle", place.dir, id(n)}
		}},
	}
	if !m.confined {
		list[2].note = ", which cannot do without a cgroup and a device filter"
		list = append(list, &contestant{name: "bwrap", command: func(int) []string { return bwrap(place) }})
	}
	for _, c := range list {
		c.version, c.err = version(ctx, c.command(0)[0])
	}
	return list
}

// run is mini-container with a command.
func (b *benchmark) run(m mode, place bundle, command string, flags ...string) []string {
	args := []string{b.binary, "run", "--rootfs", place.rootfs()}
	if m.confined {
		args = append(args, "--memory", strconv.Itoa(memoryLimit), "--pids", strconv.Itoa(pidsLimit), "--cgroup", "auto")
	} else {
		args = append(args, "--cgroup", "none", "--seccomp", "none")
	}
	return append(append(args, flags...), "--", command)
}

func crun(m mode) []string {
	if m.confined {
		return []string{"crun"}
	}
	return []string{"crun", "--cgroup-manager=disabled"}
}

func bwrap(place bundle) []string {
	return []string{"bwrap", "--unshare-all", "--bind", place.rootfs(), "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"}
}

// id is the n-th name of this process.
func id(n int) string { return fmt.Sprintf("bench-%d-%d", os.Getpid(), n) }

// version is the first line of what a program says of itself.
func version(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", program, err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first, nil
}

// once runs a container from start to end.
func (c *contestant) once(ctx context.Context, n int) (time.Duration, error) {
	args := c.command(n)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said strings.Builder
	cmd.Stderr = &said // a pipe, and a goroutine, for all of them
	// Ctrl-C is for us: then they are killed.
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("run %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return took, nil
}
