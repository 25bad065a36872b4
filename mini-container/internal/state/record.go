package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Schema names the contract of Record.
const Schema = "container-state/v1"

// The statuses of a container, in the words of the OCI runtime specification
// where it has one.
const (
	Creating = "creating" // being set up
	Running  = "running"
	Paused   = "paused"  // running, and frozen
	Stopped  = "stopped" // its command has ended
	Lost     = "lost"    // its supervisor was killed
)

// Record is what is remembered of a container.
type Record struct {
	Schema        string    `json:"schema"`
	ID            string    `json:"id"`
	Status        string    `json:"status"`
	CreatedAt     time.Time `json:"created_at"`
	Command       []string  `json:"command"`
	SupervisorPID int       `json:"supervisor_pid"`
	PID           int       `json:"pid,omitempty"`         // of its first process, in the supervisor's pid namespace
	StartTicks    uint64    `json:"start_ticks,omitempty"` // of that process since boot; with the pid it names one process only
	Detached      bool      `json:"detached"`
	Cgroup        string    `json:"cgroup,omitempty"` // path in the cgroup v2 hierarchy
	Network       *Network  `json:"network,omitempty"`
	ExitCode      *int      `json:"exit_code,omitempty"` // of the supervisor, once stopped
}

// Network is what a container has on the network of the host.
type Network struct {
	Mode    string `json:"mode"`
	Bridge  string `json:"bridge,omitempty"`
	Veth    string `json:"veth,omitempty"` // the end on the host
	Address string `json:"address,omitempty"`
	// Address6 is "" without IPv6.
	Address6 string `json:"address6,omitempty"`
	NAT      bool   `json:"nat"`
}

func encode(r *Record) ([]byte, error) {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return data.Bytes(), nil
}

// decode takes nothing but what encode makes: the state of another version
// is not guessed at.
func decode(data []byte) (*Record, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var r Record
	if err := decoder.Decode(&r); err != nil {
		return nil, fmt.Errorf("decode state: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("decode state: schema is %q, want %s", r.Schema, Schema)
	}
	return &r, CheckID(r.ID)
}
