// Package devices decides which device files a container may make and open.
//
// cgroup v2 has no file for that: a BPF program of type cgroup_device is
// attached to the cgroup and asked at each mknod(2) and open(2) of a device,
// whoever owns the node and wherever it lies. OCI rules become such a program:
// see Compile, and bpf(2).
//
// Each of the three permissions r, w and m (make a node) is decided by itself,
// by the last rule that matches the device and names it. What no rule decides
// is denied. After the rules of the configuration come those of Defaults, as
// runc and crun do it: a configuration begins with "deny everything" and still
// means to have a /dev/null.
package devices
