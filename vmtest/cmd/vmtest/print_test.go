package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

// TestPrintReasons: one fault of ours is said once, but each failed test by
// its name.
func TestPrintReasons(t *testing.T) {
	result := func(id, series string, o report.Outcome, reason string) report.Result {
		return report.Result{ID: id, Series: series, Kernel: series, Outcome: o, Reason: reason, Reproduce: "run " + id}
	}
	var b bytes.Buffer
	printReasons(&b, []report.Result{
		result("x/a", "5.10", report.Infra, "no space"), result("x/b", "5.10", report.Fail, "exit status 1"),
		result("x/c", "5.10", report.Infra, "no space"), result("x/d", "5.10", report.Fail, "exit status 1"),
		result("x/e", "5.10", report.Pass, ""), result("x/a", "6.1", report.Infra, "no space"),
	})
	require.Equal(t, `x/a and 1 more on 5.10: infra: no space
    again: run x/a
x/b on 5.10: fail: exit status 1
    again: run x/b
x/d on 5.10: fail: exit status 1
    again: run x/d
x/a on 6.1: infra: no space
    again: run x/a
`, b.String())
}
