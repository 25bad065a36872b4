package minicontainer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// mapIDs gives the user namespace of pid its two maps, which works once. A
// caller without privilege may map itself and nobody else; for more there are
// newuidmap(1) and newgidmap(1), which look into /etc/subuid and /etc/subgid.
func mapIDs(proc string, pid int, spec *specs.Spec) error {
	if os.Geteuid() != 0 && !(mapsOnly(spec.Linux.UIDMappings, os.Geteuid()) && mapsOnly(spec.Linux.GIDMappings, os.Getegid())) {
		if err := runMapper("newuidmap", pid, spec.Linux.UIDMappings); err != nil {
			return err
		}
		return runMapper("newgidmap", pid, spec.Linux.GIDMappings)
	}
	if !setgroupsAllowed(spec) {
		// Without privilege the kernel wants this before gid_map: dropping a
		// group can win access (user_namespaces(7)).
		if err := writeMap(proc, pid, "setgroups", "deny"); err != nil {
			return err
		}
	}
	if err := writeMap(proc, pid, "uid_map", mapLines(spec.Linux.UIDMappings)); err != nil {
		return err
	}
	return writeMap(proc, pid, "gid_map", mapLines(spec.Linux.GIDMappings))
}

// mapsOnly reports whether one id is all that is mapped.
func mapsOnly(maps []specs.LinuxIDMapping, id int) bool {
	return len(maps) == 1 && maps[0].Size == 1 && maps[0].HostID == uint32(id)
}

// setgroupsAllowed: a container with one group has no use for others.
func setgroupsAllowed(spec *specs.Spec) bool {
	maps := spec.Linux.GIDMappings
	return len(maps) != 1 || maps[0].Size != 1
}

func mapLines(maps []specs.LinuxIDMapping) string {
	var text strings.Builder
	for _, m := range maps {
		fmt.Fprintf(&text, "%d %d %d\n", m.ContainerID, m.HostID, m.Size)
	}
	return text.String()
}

func writeMap(proc string, pid int, name, text string) error {
	path := filepath.Join(proc, strconv.Itoa(pid), name)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func runMapper(name string, pid int, maps []specs.LinuxIDMapping) error {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("find %s: not installed (package uidmap), and only it may map more than your own id", name))
	}
	if err != nil {
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("find %s: %w", name, err))
	}
	args := append([]string{strconv.Itoa(pid)}, strings.Fields(mapLines(maps))...)
	var said bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return exitcode.With(exitcode.Usage, fmt.Errorf("run %s: %w: %s", name, err, strings.TrimSpace(said.String())))
	}
	return nil
}
