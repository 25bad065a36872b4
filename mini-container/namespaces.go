package minicontainer

import specs "github.com/opencontainers/runtime-spec/specs-go"

// namespaceFiles maps the OCI name of each kind of namespace to its file in
// /proc/PID/ns, see namespaces(7).
var namespaceFiles = map[specs.LinuxNamespaceType]string{
	specs.CgroupNamespace:  "cgroup",
	specs.IPCNamespace:     "ipc",
	specs.MountNamespace:   "mnt",
	specs.NetworkNamespace: "net",
	specs.PIDNamespace:     "pid",
	specs.TimeNamespace:    "time",
	specs.UserNamespace:    "user",
	specs.UTSNamespace:     "uts",
}

// namespaceTypes is every kind, in the order of a report.
var namespaceTypes = []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}
