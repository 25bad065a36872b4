package minicontainer

import "namespaces-cgroups-ebpf/mini-container/internal/procstatus"

// Process is one process of a container.
type Process struct {
	PID      int      `json:"pid"`       // as we see it
	InnerPID int      `json:"inner_pid"` // as the container sees it
	UID      uint32   `json:"uid"`       // effective, as we see it
	State    string   `json:"state"`     // a letter, see proc_pid_status(5)
	Command  []string `json:"command"`   // its arguments; of a zombie its name
}

// newProcess is what a list shows of a status.
func newProcess(s *procstatus.Status) *Process {
	return &Process{InnerPID: s.PIDs[len(s.PIDs)-1], UID: s.UIDs[1], State: s.State, Command: []string{s.Name}}
}
