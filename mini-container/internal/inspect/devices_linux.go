package inspect

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Program is a BPF program, as far as the kernel lets the caller see it.
type Program struct {
	ID        uint32
	Name, Tag string
	Problem   error // why name and tag are not known
}

// The fields that this file may have to call unknown.
const (
	devicePrograms     = "cgroup.device_programs"
	deviceProgramNames = "cgroup.device_programs.name"
)

// readDevices asks the process's cgroup and all above for what is attached,
// and its own for what is asked when it opens a device.
func (k *Kernel) readDevices(r *Report, way []place) {
	if k.Devices == nil {
		return
	}
	found := []DeviceProgram{}
	effective, err := k.Devices(way[0].dir, true)
	for _, at := range way {
		var attached []Program
		if err == nil {
			attached, err = k.Devices(at.dir, false)
		}
		for _, p := range attached {
			found = append(found, r.deviceProgram(p, at.path, slices.ContainsFunc(effective, p.is)))
		}
	}
	if err != nil {
		r.unknown(devicePrograms, deviceReason(err))
		return
	}
	for _, p := range effective { // attached above what we see
		if !slices.ContainsFunc(found, func(f DeviceProgram) bool { return f.ID == p.ID }) {
			found = append(found, r.deviceProgram(p, "", true))
		}
	}
	r.Cgroup.DevicePrograms = found
}

func (p Program) is(other Program) bool { return p.ID == other.ID }

func (r *Report) deviceProgram(p Program, cgroup string, effective bool) DeviceProgram {
	noted := slices.ContainsFunc(r.Unknown, func(u Unknown) bool { return u.Field == deviceProgramNames })
	if p.Problem != nil && !noted {
		r.unknown(deviceProgramNames, deviceReason(p.Problem))
	}
	return DeviceProgram{ID: p.ID, Name: p.Name, Tag: p.Tag, Cgroup: cgroup, Effective: effective}
}

// errNoQuery is for kernels without CONFIG_CGROUP_BPF.
var errNoQuery = errors.New("this kernel has no BPF programs on cgroups")

// deviceReason: EPERM has a meaning of its own here.
func deviceReason(err error) string {
	if errors.Is(err, unix.EPERM) {
		return "permission denied: it takes CAP_NET_ADMIN, for names CAP_SYS_ADMIN, outside of user namespaces (bpf(2))"
	}
	return reason(err)
}

// Devices asks the kernel for the programs of type cgroup_device that are
// attached to a cgroup, or that it asks because of itself or those above.
func Devices(dir string, effective bool) ([]Program, error) {
	if err := mayQuery(); err != nil {
		return nil, err
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup: %w", err)
	}
	defer unix.Close(fd)
	options := link.QueryOptions{Target: fd, Attach: ebpf.AttachCGroupDevice}
	if effective {
		options.QueryFlags = unix.BPF_F_QUERY_EFFECTIVE
	}
	result, err := link.QueryPrograms(options)
	if err != nil {
		return nil, fmt.Errorf("ask cgroup: %w", err)
	}
	programs := []Program{}
	for _, attached := range result.Programs {
		if p, there := describe(attached.ID); there {
			programs = append(programs, p)
		}
	}
	return programs, nil
}

// mayQuery asks about no cgroup at all: the library calls it not supported
// where the kernel only does not let us.
func mayQuery() error {
	attr := struct{ target, attach, flags, attachFlags uint32 }{target: ^uint32(0), attach: uint32(ebpf.AttachCGroupDevice)}
	_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_QUERY, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	switch errno {
	case unix.EBADF:
		return nil
	case unix.ENOSYS, unix.EINVAL:
		return errNoQuery
	}
	return fmt.Errorf("ask for programs: %w", errno)
}

// describe looks at a program; one that has just been taken away is not there.
func describe(id ebpf.ProgramID) (p Program, there bool) {
	p.ID = uint32(id)
	program, err := ebpf.NewProgramFromID(id)
	if errors.Is(err, unix.ENOENT) {
		return p, false
	}
	if err != nil {
		p.Problem = err
		return p, true
	}
	defer func() { _ = program.Close() }() // only a descriptor
	info, err := program.Info()
	if err != nil {
		p.Problem = err
		return p, true
	}
	p.Name, p.Tag = info.Name, info.Tag
	return p, true
}
