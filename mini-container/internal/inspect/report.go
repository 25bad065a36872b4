package inspect

// Schema names the contract of Report.
const Schema = "container-inspect/v1"

// Types is every kind of namespace, by its file in /proc/PID/ns, in the order
// of a report.
var Types = []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}

// Report is what isolates one process. A field that is nil is in Unknown.
type Report struct {
	Schema       string              `json:"schema"`
	PID          int                 `json:"pid"`
	Container    string              `json:"container,omitempty"` // if it was asked for by name
	Name         string              `json:"name"`                // of the first thread
	Command      []string            `json:"command,omitzero"`
	PIDs         []int               `json:"pids"` // from the reader's pid namespace inwards
	Threads      int                 `json:"threads_count"`
	UIDs         IDs                 `json:"uids"`
	GIDs         IDs                 `json:"gids"`
	Groups       []uint32            `json:"groups"`
	Root         string              `json:"root,omitempty"` // of its paths, in its mount namespace
	Namespaces   []Namespace         `json:"namespaces"`
	UIDMappings  []Mapping           `json:"uid_mappings,omitzero"`
	GIDMappings  []Mapping           `json:"gid_mappings,omitzero"`
	TimeOffsets  *TimeOffsets        `json:"time_offsets,omitempty"`
	Mounts       []Mount             `json:"mounts,omitzero"`
	Capabilities map[string][]string `json:"capabilities"` // set -> names
	NoNewPrivs   bool                `json:"no_new_privs"`
	Seccomp      Seccomp             `json:"seccomp"`
	Landlock     Landlock            `json:"landlock"`
	LSM          *LSM                `json:"lsm,omitempty"`
	Cgroup       *Cgroup             `json:"cgroup,omitempty"`
	Rlimits      []Rlimit            `json:"rlimits,omitzero"`
	Unknown      []Unknown           `json:"unknown"`
}

// IDs are the four ids of a kind, see credentials(7).
type IDs struct {
	Real       uint32 `json:"real"`
	Effective  uint32 `json:"effective"`
	Saved      uint32 `json:"saved"`
	Filesystem uint32 `json:"filesystem"`
}

// Namespace is one entry of /proc/PID/ns and what it belongs to.
type Namespace struct {
	Type             string  `json:"type"`
	Inode            uint64  `json:"inode,omitempty"`
	SharedWithInit   *bool   `json:"shared_with_init,omitempty"`   // with PID 1 of the reader's procfs
	SharedWithCaller *bool   `json:"shared_with_caller,omitempty"` // with the reader
	Owner            uint64  `json:"owner_inode,omitempty"`        // user namespace whose capabilities count
	Parent           uint64  `json:"parent_inode,omitempty"`       // pid and user only
	OwnerUID         *uint32 `json:"owner_uid,omitempty"`          // who made it; user only
	Children         uint64  `json:"children_inode,omitempty"`     // what new children get; pid and time only
}

// Mapping is one line of uid_map or gid_map.
type Mapping struct {
	ContainerID uint32 `json:"container_id"`
	HostID      uint32 `json:"host_id"` // in the reader's user namespace
	Size        uint32 `json:"size_count"`
}

// TimeOffsets is what the clocks of new children are ahead of the host's.
type TimeOffsets struct {
	Monotonic int64 `json:"monotonic_ns"`
	Boottime  int64 `json:"boottime_ns"`
}

// Mount is one line of mountinfo.
type Mount struct {
	ID           int      `json:"id"`
	Parent       int      `json:"parent_id"`
	Device       string   `json:"device"` // "8:1"
	Root         string   `json:"root"`   // what of the file system
	Target       string   `json:"target"` // where
	Type         string   `json:"type"`
	Source       string   `json:"source"`
	Options      []string `json:"options"`       // of this mount
	SuperOptions []string `json:"super_options"` // of the file system
	Propagation  []string `json:"propagation"`   // "private", or as mountinfo has it
	ReadOnly     bool     `json:"read_only"`     // this mount, or the whole file system
	IDMapped     bool     `json:"idmapped"`
}

// Seccomp is the mode, and how many filters there are.
type Seccomp struct {
	Mode    string `json:"mode"` // "disabled", "strict" or "filter"
	Filters *int   `json:"filters_count,omitempty"`
}

// Landlock is what is to be seen of it: the kernel does not tell who is
// restricted.
type Landlock struct {
	ABI        int   `json:"abi"` // 0: this kernel has none
	Restricted *bool `json:"restricted,omitempty"`
}

// LSM is the label of a security module, if one labels processes.
type LSM struct {
	Labelled bool   `json:"labelled"`
	Label    string `json:"label,omitempty"`
}

// Cgroup is where a process is counted, and what holds there.
type Cgroup struct {
	Path           string          `json:"path,omitempty"` // in the v2 hierarchy, from the reader's root
	V1             []CgroupV1      `json:"v1"`
	Limits         []Limit         `json:"limits,omitzero"`
	DevicePrograms []DeviceProgram `json:"device_programs,omitzero"`
}

// DeviceProgram is a BPF program that decides over devices: all that are
// effective must agree.
type DeviceProgram struct {
	ID        uint32 `json:"id"`
	Name      string `json:"name,omitempty"`
	Tag       string `json:"tag,omitempty"`    // a hash of its instructions
	Cgroup    string `json:"cgroup,omitempty"` // that it is attached to; "" if it lies above what the reader sees
	Effective bool   `json:"effective"`        // asked when the process opens or makes a device
}

// CgroupV1 is its place in an old hierarchy.
type CgroupV1 struct {
	Controllers string `json:"controllers"`
	Path        string `json:"path"`
}

// Limit is one file of a controller, as the cgroup itself has it and as it
// comes out with all cgroups above.
type Limit struct {
	File      string `json:"file"`
	Device    string `json:"device,omitempty"` // io.max only
	Own       string `json:"own,omitempty"`    // "" where the controller is not enabled
	Effective string `json:"effective"`
	SetBy     string `json:"set_by,omitempty"` // the cgroup that has it; "" for none or several
}

// Rlimit is one line of /proc/PID/limits.
type Rlimit struct {
	Resource string `json:"resource"`
	Soft     string `json:"soft"` // a number or "unlimited"
	Hard     string `json:"hard"`
	Unit     string `json:"unit,omitempty"`
}

// Unknown is a field that is left out, and why.
type Unknown struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}
