package connsnoop

import "encoding/json"

// Identity is who did something. Numbers are those of the initial namespaces,
// except NSPID.
type Identity struct {
	PID   uint32 `json:"pid"`    // process
	TID   uint32 `json:"tid"`    // thread
	PPID  uint32 `json:"ppid"`   // its parent process
	UID   uint32 `json:"uid"`    // user
	Comm  string `json:"comm"`   // name of the thread group's leader, at most 15 bytes
	NSPID uint32 `json:"ns_pid"` // process, as its own PID namespace numbers it
}

// Known is false if nobody was seen: the kernel did it by itself.
func (i Identity) Known() bool { return i.PID != 0 }

// orNull returns nil, which is JSON's null, for nobody.
func (i Identity) orNull() *Identity {
	if !i.Known() {
		return nil
	}
	return &i
}

// Cgroup is the cgroup (v2) of the process that opened a connection.
type Cgroup struct {
	ID   uint64 // inode of its directory; 0 if unknown
	Path string // from the root of the hierarchy: "/", "/system.slice/x.service"; empty if unknown
}

// cgroupDocument has null where a path is not known.
type cgroupDocument struct {
	ID   uint64  `json:"id"`
	Path *string `json:"path"`
}

// MarshalJSON returns null for a cgroup that is not known.
func (c Cgroup) MarshalJSON() ([]byte, error) { return json.Marshal(c.orNull()) }

func (c Cgroup) orNull() *cgroupDocument {
	if c.ID == 0 {
		return nil
	}
	d := &cgroupDocument{ID: c.ID}
	if c.Path != "" {
		d.Path = &c.Path
	}
	return d
}
