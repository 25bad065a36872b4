package verdict_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

const mixed = runA + "    a_test.go:3: fine\n" + runB + "    a_test.go:9: want 1\n    a_test.go:9: got 2\n" +
	"\x16    --- FAIL: TestA/b (0.25s)\n\x16=== NAME  TestA\n\x16--- FAIL: TestA (1.50s)\n" +
	"\x16=== RUN   TestOld\n    o_test.go:1: skip: x\n\x16--- SKIP: TestOld (0.00s)\n" +
	"\x16=== RUN   TestGood\nchatter\n\x16--- PASS: TestGood (0.01s)\n" +
	"\x16=== RUN   TestHangs\nhalf way\n"

func TestTestsForTheReport(t *testing.T) {
	require.Equal(t, []report.Test{
		{Name: "TestA", Outcome: report.Fail, DurationNS: (1500 * time.Millisecond).Nanoseconds(), Reason: "    a_test.go:3: fine"},
		{Name: "TestA/b", Outcome: report.Fail, DurationNS: (250 * time.Millisecond).Nanoseconds(), Reason: "    a_test.go:9: got 2"},
		{Name: "TestOld", Outcome: report.Skip, Reason: "skip: x"},
		{Name: "TestGood", Outcome: report.Pass, DurationNS: (10 * time.Millisecond).Nanoseconds()},
		{Name: "TestHangs", Outcome: report.Lost},
	}, verdict.Tests([]byte(mixed)))
	require.Empty(t, verdict.Tests([]byte("no Go test")))
}

// TestFailedOutput: what passed or was skipped is not in the way.
func TestFailedOutput(t *testing.T) {
	require.Equal(t, []string{
		"--- FAIL: TestA", "    a_test.go:3: fine",
		"--- FAIL: TestA/b", "    a_test.go:9: want 1", "    a_test.go:9: got 2",
		"--- never ended: TestHangs", "half way",
	}, verdict.FailedOutput([]byte(mixed)))
	require.Empty(t, verdict.FailedOutput([]byte(passing)))

	var flood strings.Builder
	for i := range 100000 {
		fmt.Fprintln(&flood, "line", i)
	}
	lines := verdict.FailedOutput([]byte(runA + flood.String()))
	require.Len(t, lines, 101, "the end of it")
	require.Equal(t, "line 99999", lines[100])
}
