package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/bench"
)

// settle is what the kernel may take to end what is over: namespaces and
// cgroups go when it has the time.
const settle = 10 * time.Second

// counter counts one kind of thing, as the kernel knows it.
type counter struct {
	name string
	list func(b *benchmark, place bundle) (map[string]bool, error)
}

var counters = []counter{
	{"processes", (*benchmark).processes},
	{"mounts", func(*benchmark, bundle) (map[string]bool, error) { return lines("/proc/self/mountinfo") }},
	{"mounts of the first process", func(*benchmark, bundle) (map[string]bool, error) { return lines("/proc/1/mountinfo") }},
	{"cgroups", func(*benchmark, bundle) (map[string]bool, error) { return directories("/sys/fs/cgroup", own) }},
	{"network namespaces", func(*benchmark, bundle) (map[string]bool, error) { return links("/proc/[0-9]*/ns/net") }},
	{"network interfaces", func(*benchmark, bundle) (map[string]bool, error) { return entries("/sys/class/net") }},
	{"descriptors", func(*benchmark, bundle) (map[string]bool, error) { return entries("/proc/self/fd") }},
	{"temporary files", func(*benchmark, bundle) (map[string]bool, error) { return entries(os.TempDir()) }},
	{"state", func(*benchmark, bundle) (map[string]bool, error) { return entries("/run/" + own) }},
	{"files in the root directory", func(_ *benchmark, p bundle) (map[string]bool, error) { return directories(p.rootfs(), "") }},
}

// leaks runs many containers, one after the other, and counts before and
// after. Anything that was not there before is a leak.
func (b *benchmark) leaks(ctx context.Context, m mode, place bundle) error {
	if b.runs == 0 {
		return nil
	}
	c := &contestant{command: func(int) []string { return b.run(m, place, "/bin/true") }}
	if _, err := c.once(ctx, 0); err != nil { // what is made once and stays is no leak
		return err
	}
	before, err := b.countAll(place)
	if err != nil {
		return err
	}
	objects := kernelObjects("/proc", hierarchy)
	for range b.runs {
		if _, err := c.once(ctx, 0); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
	after, err := b.settled(ctx, place, before)
	if err != nil {
		return err
	}
	for i, counter := range counters {
		b.report.Leaks = append(b.report.Leaks, bench.Leak{
			Name: counter.name, Variant: m.name, Runs: b.runs, Before: len(before[i]), Left: fresh(before[i], after[i]),
		})
	}
	for name, count := range kernelObjects("/proc", hierarchy) {
		if _, known := objects[name]; known {
			b.report.Leaks = append(b.report.Leaks, bench.Leak{
				Name: name, Variant: m.name, Runs: b.runs, Before: objects[name], Left: grown(objects[name], count, b.runs),
			})
		}
	}
	return nil
}

// settled counts until nothing new is there, or for as long as is granted.
func (b *benchmark) settled(ctx context.Context, place bundle, before []map[string]bool) ([]map[string]bool, error) {
	for deadline := time.Now().Add(settle); ; time.Sleep(50 * time.Millisecond) {
		after, err := b.countAll(place)
		if err != nil || ctx.Err() != nil {
			return nil, errors.Join(context.Cause(ctx), err)
		}
		left := 0
		for i := range counters {
			left += len(fresh(before[i], after[i]))
		}
		if left == 0 || time.Now().After(deadline) {
			return after, nil
		}
	}
}

func fresh(before, after map[string]bool) []string {
	list := []string{}
	for name := range after {
		if !before[name] {
			list = append(list, name)
		}
	}
	return list
}

func (b *benchmark) countAll(place bundle) ([]map[string]bool, error) {
	var all []map[string]bool
	for _, c := range counters {
		found, err := c.list(b, place)
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", c.name, err)
		}
		all = append(all, found)
	}
	return all, nil
}

// processes are those that execute mini-container or what is in the rootfs:
// on a machine that others use too, more would tell less.
func (b *benchmark) processes(place bundle) (map[string]bool, error) {
	paths := []string{b.binary}
	for _, name := range []string{"true", "pause"} {
		paths = append(paths, filepath.Join(place.rootfs(), "bin", name))
	}
	var wanted []os.FileInfo
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, info)
	}
	found := map[string]bool{}
	all, err := filepath.Glob("/proc/[0-9]*/exe")
	for _, exe := range all {
		info, err := os.Stat(exe)
		for _, want := range wanted {
			if err == nil && os.SameFile(info, want) {
				found[exe] = true
			}
		}
	}
	return found, err
}

func lines(path string) (map[string]bool, error) {
	text, err := os.ReadFile(path)
	found := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		found[line] = true
	}
	return found, err
}

func entries(dir string) (map[string]bool, error) {
	list, err := os.ReadDir(dir)
	found := map[string]bool{}
	for _, entry := range list {
		found[entry.Name()] = true
	}
	return found, err
}

// directories are all below dir; with a name, those that lie in one of it.
func directories(dir, name string) (map[string]bool, error) {
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone meanwhile
		}
		if err != nil {
			return err
		}
		if name == "" || d.IsDir() && strings.Contains(path, "/"+name+"/") {
			found[path] = true
		}
		return nil
	})
	return found, err
}

// links are where the symbolic links of a pattern lead.
func links(pattern string) (map[string]bool, error) {
	paths, err := filepath.Glob(pattern)
	found := map[string]bool{}
	for _, path := range paths {
		if target, err := os.Readlink(path); err == nil {
			found[target] = true
		}
	}
	return found, err
}
