package verdict_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

const (
	end  = "\x16=== NAME  \n\x16PASS\n"
	runA = "\x16=== RUN   TestA\n"
	runB = "\x16=== RUN   TestA/b\n"
	okA  = "\x16--- PASS: TestA (0.00s)\n"
)

func skipped(reason string) string {
	return "\x16=== RUN   TestTrace\n    trace_vm_test.go:12: " + reason + "\n\x16--- SKIP: TestTrace (0.00s)\n" + end
}

func setStdout(r *verdict.Run, out string) {
	r.Stdout, r.Exit.StdoutBytes = []byte(out), int64(len(out))
}

// TestGoTests judges what Go test binaries print under -test.v=test2json when
// they exit with status 0.
func TestGoTests(t *testing.T) {
	const old = "needs kernel >= 5.14, running " + release
	tests := []struct {
		name, stdout string
		want         report.Outcome
		reason       string
	}{
		{"passed", runA + okA + end, report.Pass, ""},
		{"output without newline before the marker", runA + "no newline" + okA + end, report.Pass, ""},
		{"subtests", runA + runB + "\x16--- PASS: TestA/b (0.00s)\n\x16=== NAME  TestA\n" + okA + end, report.Pass, ""},
		{"parallel", "\x16=== RUN   TestA/b\n\x16=== PAUSE TestA/b\n\x16=== CONT  TestA/b\n\x16--- PASS: TestA/b (0.00s)\n" + end, report.Pass, ""},
		{"one passed, one skipped for a reason", runA + okA + skipped("skip: cgroup.kill "+old), report.Pass, ""},

		{"nothing", "", report.Fail, "no test ran"},
		{"no tests", "testing: warning: no tests to run\n\x16PASS\n", report.Fail, "no test ran"},
		{"unfinished test", runA, report.Fail, "TestA did not pass"},
		{"unfinished test, forged end", runA + "\x16PASS\n", report.Fail, "TestA did not pass"},
		{"unfinished test after a pass", runA + okA + "\x16=== RUN   TestB\n", report.Fail, "TestB did not pass"},
		{"failed test with exit 0", runA + "\x16--- FAIL: TestA (0.00s)\n" + end, report.Fail, "TestA did not pass"},
		{"failed subtest with exit 0", runA + runB + "\x16--- FAIL: TestA/b (0.00s)\n" + okA + end, report.Fail, "TestA/b did not pass"},
		{"ended twice, failed first", runA + "\x16--- FAIL: TestA (0.00s)\n" + okA + end, report.Fail, "TestA did not pass"},
		{"ended twice, failed last", runA + okA + "\x16--- FAIL: TestA (0.00s)\n" + end, report.Fail, "TestA did not pass"},
		{"exit between tests", runA + okA, report.Fail, "did not end with PASS"},
		{"ends with FAIL", runA + okA + "\x16FAIL\n", report.Fail, "did not end with PASS"},
		{"forged without marker", "=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n", report.Fail, "no test ran"},
		{"forged end without marker", runA + "--- PASS: TestA (0.00s)\nPASS\n", report.Fail, "TestA did not pass"},
		{"end of a test that never began", "\x16--- PASS: TestA (0.00s)\n" + end, report.Fail, "no test ran"},

		{"skip without a reason", skipped(""), report.Fail, "no reason that can be checked"},
		{"skip with another reason", skipped("too slow here"), report.Fail, `"too slow here" is no reason`},
		{"skip with a reason and more", skipped("skip: cgroup.kill " + old + " (and lazy)"), report.Fail, "is no reason"},
		{"skip that names another version", skipped("skip: module-btf needs kernel >= 6.1, running " + release), report.Skip, ""},
		{"skip of an unknown feature", skipped("skip: nosuch " + old), report.Fail, "unknown kernel feature"},
		{"honest skip", skipped("skip: cgroup.kill " + old), report.Skip, "skip: cgroup.kill"},
		{"skip among passes without a reason", runA + okA + skipped("later"), report.Fail, "TestTrace was skipped"},
		{"all subtests skipped", runA + runB + "    a_test.go:4: skip: cgroup.kill " + old + "\n\x16--- SKIP: TestA/b (0.00s)\n" + okA + end, report.Skip, "skip: cgroup.kill"},
		{"reason of another test", runA + "    a_test.go:4: skip: cgroup.kill " + old + "\n" + okA + "\x16=== RUN   TestB\n\x16--- SKIP: TestB (0.00s)\n" + end, report.Fail, "TestB was skipped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trace := green()
			setStdout(&trace.Runs[0], tt.stdout)
			got, _ := judge(trace)
			require.Equal(t, tt.want, got.Outcome, got.Reason)
			require.Contains(t, got.Reason, tt.reason)
		})
	}
}

// A skip is held against the kernel that was booted, not against the one that
// the skip names.
func TestSkipOnAKernelThatHasIt(t *testing.T) {
	trace := green()
	trace.Release, trace.Hello.Release = "6.12.1-cloud-amd64", "6.12.1-cloud-amd64"
	setStdout(&trace.Runs[0], skipped("skip: cgroup.kill needs kernel >= 5.14, running 5.10.0-46-cloud-amd64"))
	got, _ := judge(trace)
	require.Equal(t, report.Fail, got.Outcome)
	require.Contains(t, got.Reason, "cgroup.kill is there since 6.12.1-cloud-amd64 has it")
}

// The host keeps only the head of what a test prints. A pass cannot rest on
// output that is not there.
func TestStdoutThatIsNotAllHere(t *testing.T) {
	trace := green()
	trace.Runs[0].Exit.StdoutBytes += 5 << 20
	got, _ := judge(trace)
	require.Equal(t, report.Fail, got.Outcome)
	require.Contains(t, got.Reason, "bytes of stdout are here to be judged")
}

func TestFailureNamesTheTests(t *testing.T) {
	trace := green()
	trace.Runs[0].Exit.Code = 1
	setStdout(&trace.Runs[0], runA+okA+"\x16=== RUN   TestB\n\x16--- FAIL: TestB (1.00s)\n\x16=== RUN   TestC\n")
	got, _ := judge(trace)
	require.Equal(t, report.Fail, got.Outcome)
	require.Equal(t, "exit status 1: TestB, TestC (never ended)", got.Reason)
}

// FuzzGoTests: no output makes the judge panic, and none without a marked end
// of every test is green.
func FuzzGoTests(f *testing.F) {
	f.Add([]byte(passing))
	f.Add([]byte(runA + runB + "\x16    --- SKIP: TestA/b (0.00s)\n"))
	f.Add([]byte("\x16--- PASS: \x16=== RUN   TestA\n\x16\x16"))
	f.Fuzz(func(t *testing.T, stdout []byte) {
		trace := green()
		setStdout(&trace.Runs[0], string(stdout))
		got, _ := judge(trace)
		if got.Outcome == report.Pass {
			require.Regexp(t, `\x16=== RUN +\S+\r*\n`, string(stdout))
			require.Regexp(t, `\x16 *--- PASS: \S+ \(`, string(stdout))
			require.Regexp(t, `\x16PASS\r*(\n|$)`, string(stdout))
			return
		}
		require.NotEmpty(t, got.Reason)
	})
}
