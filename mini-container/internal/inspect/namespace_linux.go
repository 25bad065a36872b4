package inspect

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// has asks for a kind of namespace of the caller's own.
func (k *Kernel) has(kind string) bool {
	_, err := os.Readlink(filepath.Join(k.Proc, "self/ns", kind))
	return err == nil
}

// goneOr: what the kernel has and a process has not, it has had.
func goneOr(err error) string {
	if errors.Is(err, unix.ENOENT) {
		return "the first thread has ended"
	}
	return reason(err)
}

// readNamespaces leaves out a kind that this kernel does not have.
func (k *Kernel) readNamespaces(r *Report, dir *process) {
	r.Namespaces = []Namespace{}
	for _, kind := range Types {
		ns := Namespace{Type: kind}
		inode, err := dir.namespace(kind)
		if errors.Is(err, unix.ENOENT) && !k.has(kind) {
			continue
		}
		if err != nil {
			r.unknown("namespaces."+kind, goneOr(err))
			r.Namespaces = append(r.Namespaces, ns)
			continue
		}
		ns.Inode = inode
		ns.SharedWithInit = k.shared(r, &ns, "1", "shared_with_init")
		ns.SharedWithCaller = k.shared(r, &ns, "self", "shared_with_caller")
		if kind == "pid" || kind == "time" {
			// Before its first child a process may not have one: not a gap.
			ns.Children, _ = dir.namespace(kind + "_for_children")
		}
		k.relate(r, dir, &ns)
		r.Namespaces = append(r.Namespaces, ns)
	}
}

// shared compares with another process; nil if that cannot be seen.
func (k *Kernel) shared(r *Report, ns *Namespace, with, field string) *bool {
	link, err := os.Readlink(filepath.Join(k.Proc, with, "ns", ns.Type))
	var other uint64
	if err == nil {
		other, err = ParseNamespace(link)
	}
	if err != nil {
		why := reason(err)
		if mayNot(err) {
			why = "permission denied: it takes the right to trace process " + with + " (ptrace(2))"
		}
		r.unknown("namespaces."+ns.Type+"."+field, why)
		return nil
	}
	same := other == ns.Inode
	return &same
}

// relate asks the namespace itself. The initial user namespace belongs to
// none, so there is nothing that could be unknown.
func (k *Kernel) relate(r *Report, dir *process, ns *Namespace) {
	if k.Relate == nil || ns.Type == "user" && ns.Inode == initialUser {
		return
	}
	f, err := dir.open("ns/" + ns.Type)
	if err != nil {
		r.unknown("namespaces."+ns.Type+".owner_inode", reason(err))
		return
	}
	defer f.Close()
	relation, err := k.Relate(int(f.Fd()), ns.Type)
	if err != nil {
		r.unknown("namespaces."+ns.Type+".owner_inode", reason(err))
		return
	}
	ns.Owner, ns.Parent, ns.OwnerUID = relation.Owner, relation.Parent, relation.OwnerUID
	for _, field := range slices.Sorted(maps.Keys(relation.Problems)) {
		r.unknown("namespaces."+ns.Type+"."+field, outOfScope(relation.Problems[field]))
	}
}

// The inodes that the kernel gives the namespaces it starts with, see
// enum init_ns_ino in linux/nsfs.h.
const (
	initialUser   = 0xEFFFFFFD
	initialPID    = 0xEFFFFFFC
	initialCgroup = 0xEFFFFFFB
)

// outOfScope: EPERM has a meaning of its own here.
func outOfScope(err error) string {
	if errors.Is(err, unix.EPERM) {
		return "it lies outside of what the caller's own namespaces show"
	}
	return reason(err)
}

// Relate asks the kernel whose a namespace is: ioctl_nsfs(2).
func Relate(ns int, kind string) (Relation, error) {
	relation := Relation{Problems: map[string]error{}}
	note := func(field string, err error) {
		if err != nil {
			relation.Problems[field] = err
		}
	}
	var err error
	relation.Owner, err = related(ns, unix.NS_GET_USERNS)
	note("owner_inode", err)
	switch kind {
	case "pid":
		var st unix.Stat_t
		if err := unix.Fstat(ns, &st); err != nil {
			return relation, fmt.Errorf("stat namespace: %w", err)
		}
		if st.Ino != initialPID { // which has no parent
			relation.Parent, err = related(ns, unix.NS_GET_PARENT)
			note("parent_inode", err)
		}
	case "user":
		relation.Parent = relation.Owner // a user namespace belongs to its parent
		var uid uint32
		if uid, err = ownerUID(ns); err == nil {
			relation.OwnerUID = &uid
		}
		note("owner_uid", err)
	}
	return relation, nil
}

func related(ns int, request uint) (uint64, error) {
	fd, err := unix.IoctlRetInt(ns, request)
	if err != nil {
		return 0, fmt.Errorf("ask namespace: %w", err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("stat namespace: %w", err)
	}
	return st.Ino, nil
}

func ownerUID(ns int) (uint32, error) {
	uid, err := unix.IoctlGetUint32(ns, unix.NS_GET_OWNER_UID)
	if err != nil {
		return 0, fmt.Errorf("ask namespace: %w", err)
	}
	return uid, nil
}
