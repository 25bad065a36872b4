package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCount
	Time   string       `xml:"time,attr"`
	Suites []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCount
	Time       string           `xml:"time,attr"`
	Timestamp  string           `xml:"timestamp,attr"`
	Properties *junitProperties `xml:"properties,omitempty"`
	Cases      []junitCase      `xml:"testcase"`
}

type junitCount struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitCase struct {
	Class      string           `xml:"classname,attr"`
	Name       string           `xml:"name,attr"`
	Time       string           `xml:"time,attr"`
	Properties *junitProperties `xml:"properties,omitempty"`
	Skipped    *junitMessage    `xml:"skipped,omitempty"`
	Failure    *junitMessage    `xml:"failure,omitempty"`
	Error      *junitMessage    `xml:"error,omitempty"`
	Out        string           `xml:"system-out,omitempty"`
	Err        string           `xml:"system-err,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes one suite per kernel, and one for the run as a whole. What was
// tested and failed is a failure; what we got wrong is an error, as JUnit tells
// them apart. A reader that sees neither sees a green run, and only then.
func JUnit(w io.Writer, r Report) error {
	all := junitSuites{Name: "vmtest", Time: seconds(r.Run.DurationNS)}
	for _, k := range r.Kernels {
		all.add(junitKernel(k, r))
	}
	all.add(junitRun(r, all.junitCount))
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("encode junit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (all *junitSuites) add(s junitSuite) {
	all.Tests += s.Tests
	all.Failures += s.Failures
	all.Errors += s.Errors
	all.Skipped += s.Skipped
	all.Suites = append(all.Suites, s)
}

func junitKernel(k Kernel, r Report) junitSuite {
	s := junitSuite{Name: "kernel " + k.Series, Time: seconds(k.DurationNS), Timestamp: timestamp(r), Properties: kernelProperties(k)}
	for _, result := range r.Results {
		if result.Series == k.Series {
			s.result(result, r.excused(result))
		}
	}
	for _, q := range r.Quota {
		if !q.Within && (q.Kernel == nameOf(k) || q.Kernel == k.Series) {
			text := fmt.Sprintf("%v of test time, and the quota is %v", round(q.UsedNS), round(q.QuotaNS))
			s.append(junitCase{Class: q.Deliverable, Name: "quota", Time: seconds(0), Failure: &junitMessage{Message: text, Type: "quota"}})
		}
	}
	return s
}

// junitRun says what no single test says: a kernel that died after its last
// test, or a run that has shown nothing.
func junitRun(r Report, seen junitCount) junitSuite {
	s := junitSuite{Name: "run", Time: seconds(r.Run.DurationNS), Timestamp: timestamp(r), Properties: runProperties(r.Run)}
	for _, k := range r.Kernels {
		c := junitCase{Class: "kernel", Name: k.Series, Time: seconds(k.BootNS)}
		m := &junitMessage{Message: printable(k.Reason), Type: string(k.Outcome)}
		switch {
		case k.Outcome == Pass:
		case k.Outcome == Unavailable && k.Optional:
			m.Type, c.Skipped = "", m
		default:
			c.Error = m
		}
		s.append(c)
	}
	verdict := junitCase{Class: "vmtest", Name: "verdict", Time: seconds(0)}
	if !r.Summary.Green && seen.Failures+seen.Errors+s.Errors == 0 {
		verdict.Error = &junitMessage{Message: "not green: " + r.Summary.String(), Type: "verdict"}
	}
	s.append(verdict)
	return s
}

func (s *junitSuite) result(r Result, excused bool) {
	c := junitCase{Class: r.Deliverable, Name: r.Entry, Time: seconds(r.DurationNS), Properties: resultProperties(r)}
	m := &junitMessage{Message: printable(r.Reason), Type: string(r.Outcome), Text: printable(r.Reproduce)}
	switch {
	case r.Outcome == Pass:
	case r.Outcome == Skip || excused:
		m.Type, c.Skipped = "", m // skipped has no type in the schema
	case r.Outcome.Harness():
		c.Error = m
	default:
		c.Failure = m
	}
	c.Out = printable(strings.Join(r.OutputTail, "\n"))
	c.Err = printable(strings.Join(append(r.Kmsg[:len(r.Kmsg):len(r.Kmsg)], r.ConsoleTail...), "\n"))
	s.append(c)
}

// append adds a case and counts it.
func (s *junitSuite) append(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func seconds(ns int64) string { return fmt.Sprintf("%.3f", float64(max(0, ns))/1e9) }

func timestamp(r Report) string { return r.Run.StartedAt.UTC().Format("2006-01-02T15:04:05") }
