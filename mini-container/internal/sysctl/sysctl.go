// Package sysctl says which kernel settings a container may have of its own.
package sysctl

import (
	"fmt"
	"slices"
	"strings"
)

// ownIPC are the settings that the ipc namespace keeps, see ipc_namespaces(7).
var ownIPC = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg_next_id", "kernel.sem", "kernel.sem_next_id",
	"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_next_id", "kernel.shm_rmid_forced",
}

// Path turns a name ("net.ipv4.ip_forward", or with slashes for a name that
// has dots inside) into a path below /proc/sys. A setting that is not kept by
// a namespace is refused: it would be changed for the whole machine. has tells
// which namespaces are the container's own, by OCI's names.
func Path(name string, has func(namespace string) bool) (string, error) {
	dotted, path := name, strings.ReplaceAll(name, ".", "/")
	if strings.Contains(name, "/") {
		dotted, path = strings.ReplaceAll(name, "/", "."), name
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
			return "", fmt.Errorf("sysctl %q is not a name", name)
		}
	}
	namespace := owner(dotted)
	switch {
	case namespace == "":
		return "", fmt.Errorf("sysctl %q belongs to the whole machine, not to a namespace", name)
	case !has(namespace):
		return "", fmt.Errorf("sysctl %q needs an own %s namespace", name, namespace)
	}
	return path, nil
}

func owner(dotted string) string {
	switch {
	case strings.HasPrefix(dotted, "net."):
		return "network"
	case slices.Contains(ownIPC, dotted), strings.HasPrefix(dotted, "fs.mqueue."):
		return "ipc"
	case dotted == "kernel.domainname":
		return "uts"
	}
	return ""
}
