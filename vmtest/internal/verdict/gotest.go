package verdict

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/kernel"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// marker begins the lines that the testing package writes itself under
// -test.v=test2json (cmd/internal/test2json), so that what a test prints is
// not taken for them.
const marker = 0x16

// testRecord is one top-level Go test or subtest.
type testRecord struct {
	name    string
	ended   string // PASS, FAIL, SKIP; "" if it never ended, or ended in two ways
	skipped string // text of t.Skip
	took    time.Duration
	output  []string // the end of it
}

var (
	runForm  = regexp.MustCompile(`^=== RUN +(\S+)$`)
	nameForm = regexp.MustCompile(`^=== (?:NAME|CONT) +(\S+)$`)
	endForm  = regexp.MustCompile(`^ *--- (PASS|FAIL|SKIP): (\S+) \(([0-9.]*)`)
	skipForm = regexp.MustCompile(`^ *\S+\.go:\d+: (.*)$`)
)

// parseTests reads the output of a Go test binary. The second value is the
// last word of the testing package, PASS if all is well.
func parseTests(stdout []byte) ([]testRecord, string) {
	p := testParser{index: map[string]int{}, said: map[string]string{}}
	for line := range bytes.Lines(stdout) {
		line = bytes.TrimRight(line, "\r\n")
		// Output without a final newline puts the marker inside a line.
		if i := bytes.LastIndexByte(line, marker); i >= 0 {
			p.marked(string(line[i+1:]))
			continue
		}
		p.text(string(line))
	}
	return p.tests, p.last
}

type testParser struct {
	tests   []testRecord
	index   map[string]int
	current string
	said    map[string]string // last log line of each test
	last    string            // what the last marked line says
}

func (p *testParser) marked(line string) {
	p.last = line
	if m := runForm.FindStringSubmatch(line); m != nil {
		p.current = m[1]
		p.index[m[1]] = len(p.tests)
		p.tests = append(p.tests, testRecord{name: m[1]})
		return
	}
	if m := nameForm.FindStringSubmatch(line); m != nil {
		p.current = m[1]
		return
	}
	if m := endForm.FindStringSubmatch(line); m != nil {
		p.end(m[2], m[1], seconds(m[3]))
	}
}

func (p *testParser) end(name, how string, took time.Duration) {
	i, ok := p.index[name]
	if !ok {
		return
	}
	if before := p.tests[i].ended; before != "" && before != how {
		how = "" // somebody else has written one of the two
	}
	p.tests[i].ended, p.tests[i].took = how, took
	if how == "SKIP" {
		p.tests[i].skipped = p.said[name]
	}
}

func (p *testParser) text(line string) {
	if m := skipForm.FindStringSubmatch(line); m != nil {
		p.said[p.current] = m[1]
	}
	if i, ok := p.index[p.current]; ok {
		p.tests[i].print(line)
	}
}

// failedTests names the tests that failed or never ended, for a reason.
func failedTests(stdout []byte) string {
	var names []string
	tests, _ := parseTests(stdout)
	for _, t := range tests {
		switch t.ended {
		case "FAIL":
			names = append(names, t.name)
		case "":
			names = append(names, t.name+" (never ended)")
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

// goTests demands that a Go test binary that exited 0 has run a test, that
// every test ended, and that every skip is one the kernel justifies.
func goTests(e plan.Entry, t Trace, r *Run) *finding {
	if e.Result != plan.ResultGoTest {
		return nil
	}
	if kept := int64(len(r.Stdout)); kept != r.Exit.StdoutBytes {
		return found(report.Fail, "exit status 0, but only %d of %d bytes of stdout are here to be judged", kept, r.Exit.StdoutBytes)
	}
	tests, last := parseTests(r.Stdout)
	if len(tests) == 0 {
		return found(report.Fail, "exit status 0, but no test ran")
	}
	passed, skips := 0, []string{}
	for i, test := range tests {
		switch test.ended {
		case "PASS":
			if isLeaf(tests, i) {
				passed++
			}
		case "SKIP":
			if err := checkSkip(test.skipped, t.Hello.Release); err != nil {
				return found(report.Fail, "%s was skipped: %v", test.name, err)
			}
			skips = append(skips, test.skipped)
		default:
			return found(report.Fail, "exit status 0, but %s did not pass", test.name)
		}
	}
	if last != "PASS" {
		return found(report.Fail, "exit status 0, but the tests did not end with PASS")
	}
	if passed == 0 {
		return found(report.Skip, "%s", strings.Join(skips, "; "))
	}
	return nil
}

// isLeaf: a test whose subtests were all skipped has itself shown nothing.
func isLeaf(tests []testRecord, i int) bool {
	for _, t := range tests[i+1:] {
		if strings.HasPrefix(t.name, tests[i].name+"/") {
			return false
		}
	}
	return true
}

var claimForm = regexp.MustCompile(`^skip: (\S+) needs kernel >= \S+, running \S+$`)

// checkSkip holds the reason of a skip against the kernel that was booted.
func checkSkip(reason, release string) error {
	m := claimForm.FindStringSubmatch(reason)
	if m == nil {
		return fmt.Errorf("%q is no reason that can be checked", reason)
	}
	err := kernel.Check(kernel.Feature(m[1]), release)
	var old *kernel.UnsupportedError
	switch {
	case errors.As(err, &old):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s is there since %s has it", m[1], release)
}
