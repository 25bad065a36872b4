package connsnoop

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/schemas"
)

// debian is a machine where everything is in order, and the user is root.
func debian() map[string]string {
	files := capable()
	files["proc/sys/kernel/osrelease"] = "6.12.117+deb13-cloud-amd64\n"
	files["proc/sys/kernel/unprivileged_bpf_disabled"] = "2\n"
	files["proc/self/limits"] = "Limit                     Soft Limit           Hard Limit           Units\n" +
		"Max locked memory         65536                65536                bytes\n"
	return files
}

func TestChecks(t *testing.T) {
	const twoCaps = "CapEff:\t000000c000000000\n"
	tests := []struct {
		name, id string
		change   map[string]string // "-" removes the file
		external bool
		status   doctor.Status
		value    string
		remedy   string
	}{
		{"kernel", "kernel", nil, false, doctor.OK, "6.12.117+deb13-cloud-amd64", ""},
		{"old kernel", "kernel", map[string]string{"proc/sys/kernel/osrelease": "4.19.0-27-amd64\n"}, false, doctor.Fail, "4.19.0-27-amd64", "boot Linux 5.10 or newer"},
		{"no release", "kernel", map[string]string{"proc/sys/kernel/osrelease": "-"}, false, doctor.Unknown, "", ""},
		{"root", "capabilities", nil, false, doctor.OK, "CAP_SYS_ADMIN CAP_BPF CAP_PERFMON CAP_SYS_RESOURCE", ""},
		{"two capabilities", "capabilities", map[string]string{"proc/self/status": twoCaps}, false, doctor.OK, "CAP_BPF CAP_PERFMON", ""},
		{"one capability", "capabilities", map[string]string{"proc/self/status": "CapEff:\t0000008000000000\n"}, false, doctor.Fail, "CAP_BPF", "AmbientCapabilities="},
		{"no capability", "capabilities", map[string]string{"proc/self/status": "CapEff:\t0000000000000000\n"}, false, doctor.Fail, "", "run as root"},
		{"no status", "capabilities", map[string]string{"proc/self/status": "-"}, false, doctor.Unknown, "", ""},
		{"BTF", "btf", nil, false, doctor.OK, "/sys/kernel/btf/vmlinux", ""},
		{"no BTF", "btf", map[string]string{"sys/kernel/btf/vmlinux": "-"}, false, doctor.Fail, "none", "--btf FILE"},
		{"external BTF", "btf", map[string]string{"sys/kernel/btf/vmlinux": "-"}, true, doctor.Warn, "none", "--btf FILE"},
		{"no lockdown", "lockdown", nil, false, doctor.OK, "none", ""},
		{"integrity", "lockdown", map[string]string{"sys/kernel/security/lockdown": "none [integrity] confidentiality\n"}, false, doctor.OK, "integrity", ""},
		{"confidentiality", "lockdown", map[string]string{"sys/kernel/security/lockdown": "none integrity [confidentiality]\n"}, false, doctor.Fail, "confidentiality", "boot without"},
		{"no lockdown in this kernel", "lockdown", map[string]string{"sys/kernel/security/lockdown": "-"}, false, doctor.OK, "none", ""},
		{"kprobes", "kprobes", nil, false, doctor.OK, "present", ""},
		{"no kprobes", "kprobes", map[string]string{"sys/bus/event_source/devices/kprobe/type": "-"}, false, doctor.Warn, "none", "another backend"},
		{"paranoid root", "perf-event-paranoid", nil, false, doctor.OK, "3", ""},
		{"paranoid", "perf-event-paranoid", map[string]string{"proc/self/status": twoCaps}, false, doctor.Warn, "3", "sysctl kernel.perf_event_paranoid=2"},
		{"less paranoid", "perf-event-paranoid", map[string]string{"proc/self/status": twoCaps, "proc/sys/kernel/perf_event_paranoid": "2\n"}, false, doctor.OK, "2", ""},
		{"memlock does not count", "memlock", map[string]string{"proc/self/status": twoCaps}, false, doctor.OK, "65536", ""},
		{"memlock counts", "memlock", map[string]string{"proc/self/status": twoCaps, "proc/sys/kernel/osrelease": "5.10.0-46-cloud-amd64\n"}, false, doctor.Fail, "65536", "LimitMEMLOCK=infinity"},
		{"memlock can be raised", "memlock", map[string]string{"proc/sys/kernel/osrelease": "5.10.0-46-cloud-amd64\n"}, false, doctor.OK, "65536", ""},
		{"memlock unlimited", "memlock", map[string]string{"proc/self/status": twoCaps, "proc/sys/kernel/osrelease": "5.10.0-46-cloud-amd64\n",
			"proc/self/limits": "Max locked memory         unlimited            unlimited            bytes\n"}, false, doctor.OK, "unlimited", ""},
		{"memlock unknown", "memlock", map[string]string{"proc/sys/kernel/osrelease": "5.10.0-46-cloud-amd64\n", "proc/self/limits": "Max\n"}, false, doctor.Unknown, "", ""},
		{"unprivileged BPF", "unprivileged-bpf", nil, false, doctor.OK, "2", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := debian()
			for path, content := range tt.change {
				files[path] = content
			}
			r := check(plant(t, files), tt.external, func(Backend) error { return nil })
			requireValid(t, r)
			c := find(t, r, tt.id)
			require.Equal(t, tt.status, c.Status)
			require.Equal(t, tt.value, c.Value)
			require.Contains(t, c.Remedy, tt.remedy)
		})
	}
}

func requireValid(t *testing.T, r CheckReport) {
	document, err := json.Marshal(r)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(CheckSchema, document), "%s", document)
}

func find(t *testing.T, r CheckReport, id string) doctor.Check {
	for _, c := range r.Checks {
		if c.ID == id {
			return c
		}
	}
	require.Fail(t, "no check "+id)
	return doctor.Check{}
}

func TestCheckBackends(t *testing.T) {
	tests := []struct {
		name  string
		works []Backend
		auto  Backend
	}{
		{"all", []Backend{BackendFentry, BackendKprobeMulti, BackendKprobe}, BackendFentry},
		{"the last", []Backend{BackendKprobe}, BackendKprobe},
		{"none", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			works := map[Backend]bool{}
			for _, b := range tt.works {
				works[b] = true
			}
			r := check(plant(t, debian()), false, func(b Backend) error {
				if works[b] {
					return nil
				}
				return fmt.Errorf("%w: no permission (%w)", ErrUnsupported, errors.New("load:\n\tdenied"))
			})
			requireValid(t, r)
			require.Equal(t, len(tt.works) > 0, r.OK)
			for _, b := range r.Backends {
				require.Equal(t, works[b.Backend], b.Usable)
				if !b.Usable {
					require.Equal(t, "no permission (load: denied)", *b.Reason)
				}
			}
			if r.OK {
				require.Equal(t, tt.auto, *r.Backend)
			} else {
				require.Nil(t, r.Backend)
			}
		})
	}
}
