//go:build vmtest && linux

package connsnoop_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

// excuse is a scenario in which fields may be wrong that the table calls best
// effort. In every other scenario they must be right.
type excuse struct {
	scenario string
	fields   []string
}

var excuses = []excuse{
	// more threads wait than a kretprobe has places for
	{"blocked-acceptors", []string{"opener", "pid_source", "cgroup", "container", "opened_monotonic_ns", "established_monotonic_ns"}},
	// the SYN is sent by the first write
	{"tfo-connect", []string{"connect_latency_ns"}},
}

// excused says whether a wrong field is within what the table promises.
func excused(scenario, name string, backend connsnoop.Backend) bool {
	if precisionOf(name, backend) != connsnoop.BestEffort {
		return false
	}
	return slices.ContainsFunc(excuses, func(e excuse) bool {
		return e.scenario == scenario && slices.Contains(e.fields, name)
	})
}

func precisionOf(name string, backend connsnoop.Backend) connsnoop.Precision {
	for _, f := range connsnoop.Fields() {
		if f.Name == name {
			return f.In(backend)
		}
	}
	return connsnoop.Absent
}

// TestFieldsAreCompared holds the comparisons against the table: each field
// of it is compared, or says the same as one that is.
func TestFieldsAreCompared(t *testing.T) {
	compared := map[string]bool{}
	for _, c := range comparisons {
		compared[c.name] = true
	}
	for _, f := range connsnoop.Fields() {
		of, isDerived := derived[f.Name]
		require.True(t, compared[f.Name] || isDerived, "nothing compares %s", f.Name)
		require.True(t, of == "" || compared[of], "nothing compares %s, of which %s is", of, f.Name)
	}
	for name := range compared {
		require.NotEqual(t, connsnoop.Absent, precisionOf(name, connsnoop.BackendFentry), "%s is not in the table", name)
	}
}
