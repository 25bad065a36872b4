// Package cgroupfs reads and writes cgroup v2 interface files and takes whole
// cgroups down. Every function takes the cgroup's directory, so the mount
// point is the caller's to choose.
//
// Files are written with plain open(2) and write(2). An os.File would be
// wrong here: kernfs files can be polled, so Go opens them O_NONBLOCK. Since
// Linux 6.16 that makes memory.max and memory.high skip reclaim and the OOM
// killer, and an EAGAIN from memory.reclaim parks the goroutine for ever.
package cgroupfs
