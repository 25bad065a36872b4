package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

func garbage() []byte { return bytes.Repeat([]byte("garbage "), 64) }

// garbageHeader is the beginning of a frame whose rest never comes from us; it
// swallows what init sends next.
func garbageHeader() []byte { return forgedDone()[:20] }

// forgedDone is a whole frame that says that all is over and well.
func forgedDone() []byte {
	var b bytes.Buffer
	_ = wire.NewEncoder(&b).EncodeDone(wire.Done{Runs: 1})
	return b.Bytes()
}

// forge writes to the result channel as init does, and then waits: the host
// must not wait for what comes.
func forge(data []byte) error {
	fd, err := stealChannel()
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, data); err != nil {
		return fmt.Errorf("write to the channel: %w", err)
	}
	return sleep()
}

// stealChannel copies init's descriptor, since the port opens only once.
func stealChannel() (int, error) {
	links, _ := filepath.Glob("/proc/1/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(target, "/dev/vport") {
			continue
		}
		pidfd, err := unix.PidfdOpen(1, 0)
		if err != nil {
			return 0, err
		}
		var number int
		if _, err := fmt.Sscan(filepath.Base(link), &number); err != nil {
			return 0, err
		}
		return unix.PidfdGetfd(pidfd, number, 0)
	}
	return 0, errors.New("init has no channel that can be seen")
}

// forgeAsNobody tries every way to the channel that an unprivileged process may
// think of. Each one that works is an error.
func forgeAsNobody() error {
	var worked []error
	try := func(what string, err error) {
		fmt.Printf("%s: %v\n", what, err)
		if err == nil {
			worked = append(worked, fmt.Errorf("%s worked", what))
		}
	}
	for _, path := range []string{"/dev/vport*", "/dev/vd*", "/dev/kmsg", "/dev/mem", "/proc/1/mem", "/proc/1/environ", "/proc/sysrq-trigger", "/dev/console", "/dev/ttyS0"} {
		found, _ := filepath.Glob(path)
		if len(found) == 0 && !strings.Contains(path, "mem") {
			worked = append(worked, fmt.Errorf("%s is not there to be tried", path))
		}
		for _, file := range found {
			fd, err := unix.Open(file, unix.O_WRONLY, 0)
			try("open "+file, err)
			_ = unix.Close(fd)
		}
	}
	_, err := stealChannel()
	try("copy init's descriptor", err)
	if pidfd, err := unix.PidfdOpen(1, 0); err == nil {
		for number := range 64 {
			if _, err = unix.PidfdGetfd(pidfd, number, 0); err == nil {
				break
			}
		}
		try("copy any of init's descriptors", err)
	}
	try("trace init", unix.PtraceAttach(1))
	try("signal init", unix.Kill(1, unix.SIGTERM))
	try("reboot", unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART))
	try("become root", unix.Setuid(0))
	try("write to init's memory", writeInit())
	try("write beside the artifacts", os.WriteFile("/run/vmtest/forged", nil, 0o644))
	try("replace what is under test", os.WriteFile(os.Getenv("VMTEST_BIN"), nil, 0o755))
	return errors.Join(worked...)
}

func writeInit() error {
	data := []byte{0}
	local := []unix.Iovec{{Base: &data[0]}}
	local[0].SetLen(1)
	_, err := unix.ProcessVMWritev(1, local, []unix.RemoteIovec{{Base: 0x400000, Len: 1}}, 0)
	return err
}
