package minicontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/procstatus"
)

// observe reads from the procfs at proc what isolates a process. It says
// nothing that the kernel does not: not what was asked for. The host name is
// left empty, for procfs does not have it.
func observe(proc string, pid int) (*Isolation, error) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	seen := &Isolation{PID: pid}
	readers := []func(*Isolation, string) error{readStatus, readIDMaps, readMounts}
	for _, read := range readers {
		if err := read(seen, dir); err != nil {
			return nil, err
		}
	}
	var err error
	seen.Namespaces, err = readNamespaces(dir, filepath.Join(proc, "self"))
	return seen, err
}

func readStatus(seen *Isolation, dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return fmt.Errorf("read status: %w", err)
	}
	status, err := procstatus.Parse(string(text))
	if err != nil {
		return err
	}
	seen.NoNewPrivs, seen.Seccomp = status.NoNewPrivs, status.Seccomp
	seen.Capabilities = map[string][]string{}
	for set, mask := range status.Capabilities {
		seen.Capabilities[set] = inspect.CapabilityNames(mask)
	}
	return nil
}

func readIDMaps(seen *Isolation, dir string) error {
	for name, into := range map[string]*[]IDMapping{"uid_map": &seen.UIDMappings, "gid_map": &seen.GIDMappings} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("read id map: %w", err)
		}
		if *into, err = inspect.ParseIDMap(string(text)); err != nil {
			return err
		}
	}
	return nil
}

func readMounts(seen *Isolation, dir string) error {
	f, err := os.Open(filepath.Join(dir, "mountinfo"))
	if err != nil {
		return fmt.Errorf("read mounts: %w", err)
	}
	defer f.Close()
	infos, err := mountinfo.GetMountsFromReader(f, nil)
	if err != nil {
		return fmt.Errorf("parse mounts: %w", err)
	}
	seen.Mounts = []Mount{}
	for _, info := range infos {
		seen.Mounts = append(seen.Mounts, Mount{
			Target: info.Mountpoint, Type: info.FSType,
			Options: strings.Split(info.Options, ","), Propagation: orDefault(info.Optional, "private"),
		})
	}
	return nil
}

// readNamespaces compares the namespaces of two processes. A kind that this
// kernel does not have is left out.
func readNamespaces(dir, self string) ([]Namespace, error) {
	list := []Namespace{}
	for _, kind := range namespaceTypes {
		inode, err := namespaceInode(dir, kind)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		host, err := namespaceInode(self, kind)
		if err != nil {
			return nil, err
		}
		list = append(list, Namespace{Type: kind, Inode: inode, SharedWithHost: inode == host})
	}
	return list, nil
}

func namespaceInode(dir, kind string) (uint64, error) {
	link, err := os.Readlink(filepath.Join(dir, "ns", kind))
	if err != nil {
		return 0, fmt.Errorf("read %s namespace: %w", kind, err)
	}
	return inspect.ParseNamespace(link)
}
