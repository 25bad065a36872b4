// Package multitenantcgroups puts the tenants of a policy into cgroups with
// limits, proves that the kernel enforces those limits, and takes the cgroups
// away again.
//
// A proof never trusts a file that says what the limit is. It runs a workload
// that tries to exceed the limit inside the tenant's cgroup, and the same
// workload in a cgroup without the limit, where it must succeed: otherwise
// nothing was proved, and the verdict is inconclusive.
//
// Gotcha: disabling a controller and enabling it again resets the limits of
// all cgroups below, so nothing here ever does that to a cgroup in use.
package multitenantcgroups
