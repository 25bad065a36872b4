package inspect

import "namespaces-cgroups-ebpf/mini-container/internal/procstatus"

// parseStatus fills in what /proc/PID/status says.
func (r *Report) parseStatus(text string) error {
	s, err := procstatus.Parse(text)
	if err != nil {
		return err
	}
	r.Name, r.Threads, r.PIDs, r.Groups = s.Name, s.Threads, s.PIDs, s.Groups
	r.UIDs, r.GIDs = newIDs(s.UIDs), newIDs(s.GIDs)
	r.Capabilities = map[string][]string{}
	for set, mask := range s.Capabilities {
		r.Capabilities[set] = CapabilityNames(mask)
	}
	r.NoNewPrivs, r.Seccomp = s.NoNewPrivs, Seccomp{Mode: s.Seccomp, Filters: s.Filters}
	if s.Filters == nil {
		r.unknown("seccomp.filters_count", "this kernel does not count filters")
	}
	return nil
}

func newIDs(ids [4]uint32) IDs {
	return IDs{Real: ids[0], Effective: ids[1], Saved: ids[2], Filesystem: ids[3]}
}

func (r *Report) unknown(field, reason string) {
	r.Unknown = append(r.Unknown, Unknown{Field: field, Reason: reason})
}
