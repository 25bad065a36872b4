package multitenantcgroups

// Tree is a cgroup2 hierarchy, or the part of one that was delegated to us.
// Cgroups are named by their path below its root; "" is the root. Errors wrap
// the errno of the kernel.
type Tree interface {
	// Exists reports whether the cgroup is there.
	Exists(cgroup string) (bool, error)
	// Children lists the names of the cgroups directly below, sorted.
	Children(cgroup string) ([]string, error)
	// Create makes an empty cgroup; EEXIST if it is there.
	Create(cgroup string) error
	// Delete removes an empty cgroup and kills nothing; EBUSY if it is not empty.
	Delete(cgroup string) error
	// Destroy kills what is in the cgroup and below, and removes all of it.
	Destroy(cgroup string) error
	// Read returns an interface file without the newline at its end.
	Read(cgroup, file string) (string, error)
	// Write writes an interface file.
	Write(cgroup, file, value string) error
	// Owner returns the mark that SetOwner left, or "".
	Owner(cgroup string) (string, error)
	// SetOwner marks the cgroup as made by us.
	SetOwner(cgroup, owner string) error
}

// ownerMark is what SetOwner writes and what apply, verify and remove look
// for before they touch a cgroup.
const ownerMark = "multi-tenant-cgroups/v1"

// The cgroups that verify makes for the time of a proof. A policy cannot name
// them: the prefix is reserved.
const (
	reservedPrefix = "verify-"
	controlName    = reservedPrefix + "control" // below the root: no limits
	probeName      = reservedPrefix + "probe"   // below a tenant: the tenant's limits
)
