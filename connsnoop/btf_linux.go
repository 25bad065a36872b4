package connsnoop

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// errBTF: what Options.BTF names is of no use.
var errBTF = errors.New("read BTF")

// kernelTypes reads the running kernel's types: its own, or those in a file.
func kernelTypes(path string) (*btf.Spec, error) {
	if path == "" {
		spec, err := btf.LoadKernelSpec()
		if err != nil {
			return nil, fmt.Errorf("read kernel's BTF: %w", err)
		}
		return spec, nil
	}
	file, err := findBTF(path)
	if err != nil {
		return nil, err
	}
	spec, err := btf.LoadSpec(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errBTF, file, oneLine{err})
	}
	return spec, checkTypes(spec, file)
}

// findBTF returns path, or the file for the running kernel in that directory.
func findBTF(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errBTF, err)
	}
	if !info.IsDir() {
		return path, nil
	}
	release, err := kernel.Release()
	if err != nil {
		return "", err
	}
	for _, name := range []string{release + ".btf", "vmlinux-" + release, filepath.Join(release, "vmlinux")} {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return filepath.Join(path, name), nil
		}
	}
	return "", fmt.Errorf("%w: nothing for this kernel in %s: no %s.btf", errBTF, path, release)
}

// sight is what a program made of our process and a socket of it.
type sight struct {
	pid, netns       uint32
	family, protocol uint16
	port             uint16
	comm             string
}

func (s sight) String() string {
	return fmt.Sprintf("%q (pid %d, netns %d) with a socket of family %d, protocol %d, port %d",
		s.comm, s.pid, s.netns, s.family, s.protocol, s.port)
}

// checkTypes returns errBTF if types are not those of the running kernel. A
// layout cannot be recognised by itself: it is tried on what we know anyway.
func checkTypes(types *btf.Spec, file string) (err error) {
	fd, port, err := boundSocket()
	if err != nil {
		return fmt.Errorf("open a socket to try BTF on: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	want, err := truth(port)
	if err != nil {
		return err
	}
	got, err := look(types, uint32(fd))
	switch {
	case errors.Is(err, os.ErrPermission), err != nil && machine("/").lockdown() == confidentiality:
		return err // no program at all can look
	case err != nil:
		return fmt.Errorf("%w: %s is not of this kernel: %w", errBTF, file, oneLine{err})
	case got != want:
		return fmt.Errorf("%w: %s is not of this kernel: by it this process is %v, in truth it is %v", errBTF, file, got, want)
	}
	return nil
}

// boundSocket returns a TCP socket with a port, on which nobody listens.
func boundSocket() (fd int, port uint16, err error) {
	// not by package net: its listeners are MPTCP sockets
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, 0, err
	}
	err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err != nil {
		return -1, 0, errors.Join(err, unix.Close(fd))
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return -1, 0, errors.Join(err, unix.Close(fd))
	}
	return fd, uint16(name.(*unix.SockaddrInet4).Port), nil
}

// truth is what a program has to see.
func truth(port uint16) (sight, error) {
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		return sight{}, fmt.Errorf("read own name: %w", err)
	}
	netns, err := os.Stat("/proc/self/ns/net")
	if err != nil {
		return sight{}, fmt.Errorf("find own network namespace: %w", err)
	}
	return sight{
		pid: uint32(os.Getpid()), comm: strings.TrimSuffix(string(comm), "\n"),
		netns:  uint32(netns.Sys().(*syscall.Stat_t).Ino),
		family: unix.AF_INET, protocol: unix.IPPROTO_TCP, port: port,
	}, nil
}

// look runs the program of bpf/types.bpf.c.
func look(types *btf.Spec, fd uint32) (s sight, err error) {
	spec, err := loadTypes()
	if err != nil {
		return sight{}, fmt.Errorf("read program: %w", err)
	}
	if err := spec.Variables["socket_fd"].Set(fd); err != nil {
		return sight{}, fmt.Errorf("set descriptor: %w", err)
	}
	var o typesObjects
	err = spec.LoadAndAssign(&o, &ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: types}})
	if err != nil {
		return sight{}, fmt.Errorf("try BTF: %w", err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if _, err := o.CheckTypes.Run(nil); err != nil {
		return sight{}, fmt.Errorf("try BTF: %w", err)
	}
	return o.sight()
}

func (o *typesObjects) sight() (s sight, err error) {
	var port [2]byte
	var comm [commLength]byte
	for variable, into := range map[*ebpf.Variable]any{
		o.SeenPid: &s.pid, o.SeenNetns: &s.netns, o.SeenFamily: &s.family,
		o.SeenProtocol: &s.protocol, o.SeenPort: &port, o.SeenComm: &comm,
	} {
		if err := variable.Get(into); err != nil {
			return sight{}, fmt.Errorf("read what the program saw: %w", err)
		}
	}
	name, _, _ := bytes.Cut(comm[:], []byte{0})
	s.port, s.comm = uint16(port[0])<<8|uint16(port[1]), string(name)
	return s, nil
}
