package minicontainer

import (
	"fmt"
	"strconv"
	"strings"
)

// Process is one process of a container.
type Process struct {
	PID      int      `json:"pid"`       // as we see it
	InnerPID int      `json:"inner_pid"` // as the container sees it
	UID      uint32   `json:"uid"`       // effective, as we see it
	State    string   `json:"state"`     // a letter, see proc_pid_status(5)
	Command  []string `json:"command"`   // its arguments; of a zombie its name
}

// parseProcess reads of /proc/PID/status what a list of processes shows.
func parseProcess(text string) (*Process, error) {
	p := &Process{}
	seen := 0
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":\t")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		var err error
		switch key {
		case "Name":
			p.Command = []string{value}
		case "State":
			p.State = fields[0]
		case "Uid": // real, effective, saved, file system
			err = parseUID(fields, &p.UID)
		case "NSpid": // from our namespace inwards
			p.InnerPID, err = strconv.Atoi(fields[len(fields)-1])
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", key, err)
		}
		seen++
	}
	const fields = 4
	if seen != fields {
		return nil, fmt.Errorf("parse status: %d of %d fields", seen, fields)
	}
	return p, nil
}

func parseUID(fields []string, uid *uint32) error {
	if len(fields) < 2 {
		return fmt.Errorf("%q is too short", fields)
	}
	n, err := strconv.ParseUint(fields[1], 10, 32)
	*uid = uint32(n)
	return err
}
