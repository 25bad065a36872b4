package vmtest

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
)

// vmOverheadBytes is what QEMU itself takes beside the guest's memory.
const vmOverheadBytes = 256 << 20

// jobs is one VM per CPU, since an emulated machine keeps a CPU busy, as far
// as there is memory for them. What a single entry asks for beyond that is not
// reckoned with.
func (r *runner) jobs() int {
	if r.Jobs > 0 {
		return r.Jobs
	}
	jobs := runtime.NumCPU()
	if free := meminfo("MemAvailable"); free > 0 {
		jobs = min(jobs, int(free/(r.MemoryBytes+vmOverheadBytes)))
	}
	return max(1, jobs)
}

// meminfo returns a line of proc_meminfo(5) in bytes, 0 if it is not there.
func meminfo(name string) int64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return parseMeminfo(data, name)
}

func parseMeminfo(data []byte, name string) int64 {
	for line := range bytes.Lines(data) {
		rest, ok := bytes.CutPrefix(line, []byte(name+":"))
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
		if err != nil {
			return 0
		}
		return kib << 10
	}
	return 0
}
