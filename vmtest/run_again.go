package vmtest

import (
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

// passed returns the entries that passed in a VM which a later test has taken
// down. They deserve another VM; that test itself is settled, and red: no crash
// is forgiven. A VM that is lost after its last test has no such culprit, so
// what ran in it stays lost.
func passed(entries []plan.Entry, t verdict.Trace) []plan.Entry {
	var innocent []plan.Entry
	// The VM may be lost after the exit, with the artifacts.
	culprit := t.Runs[len(t.Runs)-1].ID
	for _, e := range entries {
		if r := verdict.Preview(e, t); r.Run != nil && r.Outcome.Green() && e.FullID() != culprit {
			innocent = append(innocent, e)
		}
	}
	return innocent
}

// spoiled tells whether the last test could not be started, although the VM is
// not fresh: another one may have mounted something over it.
func spoiled(t verdict.Trace) bool {
	last := t.Runs[len(t.Runs)-1]
	return len(t.Runs) > 1 && last.Exit != nil && last.Exit.Error != ""
}
