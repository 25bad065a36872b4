// Package cgroup gives a container a cgroup v2 of its own: made, limited,
// watched, frozen, killed and removed. The limits come as OCI resources; the
// files they become are in limits.go.
//
// The cgroup of a container is PARENT/ID. The parent, unless the caller names
// another, is mini-container below the root of the hierarchy for root, and
// below the caller's own cgroup for everyone else. A parent holds no process:
// cgroup v2 shares controllers only among the children of a cgroup that has
// none of its own.
//
// Gotcha: a process that clone3(2) puts into a cgroup ignores its cpuset on
// 5.10. Apply cpuset limits with Settle once the process is there.
package cgroup
