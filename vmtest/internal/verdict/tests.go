package verdict

import (
	"time"

	"namespaces-cgroups-ebpf/internal/report"
)

// Tests lists the Go tests in the output of a test binary, for the report.
func Tests(stdout []byte) []report.Test {
	records, _ := parseTests(stdout)
	var tests []report.Test
	for _, r := range records {
		test := report.Test{Name: r.name, Outcome: report.Lost, DurationNS: r.took.Nanoseconds()}
		switch r.ended {
		case "PASS":
			test.Outcome = report.Pass
		case "SKIP":
			test.Outcome, test.Reason = report.Skip, r.skipped
		case "FAIL":
			test.Outcome = report.Fail
			if n := len(r.output); n > 0 {
				test.Reason = r.output[n-1]
			}
		}
		tests = append(tests, test)
	}
	return tests
}

// FailedOutput returns what the Go tests printed that failed or never ended,
// each under its name. It is empty if there are none.
func FailedOutput(stdout []byte) []string {
	records, _ := parseTests(stdout)
	var lines []string
	for _, r := range records {
		switch r.ended {
		case "PASS", "SKIP":
			continue
		case "FAIL":
			lines = append(lines, "--- FAIL: "+r.name)
		default:
			lines = append(lines, "--- never ended: "+r.name)
		}
		lines = append(lines, r.output...)
	}
	return lines
}

// maxOutputLines bounds what is kept of one test's output: its end.
const maxOutputLines = 100

func (r *testRecord) print(line string) {
	if len(r.output) == maxOutputLines {
		r.output = r.output[1:]
	}
	r.output = append(r.output, line)
}

// seconds reads the duration of an end line, "0.25".
func seconds(s string) time.Duration {
	d, err := time.ParseDuration(s + "s")
	if err != nil || d < 0 {
		return 0
	}
	return d
}
