package qemu

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// PeakRSSBytes is the most memory that QEMU has had resident so far, or had at
// all if it has ended: pages of files that it maps included. 0 is unknown.
func (p *Process) PeakRSSBytes() int64 {
	select {
	case <-p.exited:
		if usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			return usage.Maxrss << 10
		}
		return 0
	default:
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return parsePeak(status)
}

// parsePeak reads the line "VmHWM:   123456 kB" of proc_pid_status(5).
func parsePeak(status []byte) int64 {
	for line := range bytes.Lines(status) {
		rest, ok := bytes.CutPrefix(line, []byte("VmHWM:"))
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte(" kB"))), 10, 64)
		if err != nil {
			return 0
		}
		return kib << 10
	}
	return 0
}
