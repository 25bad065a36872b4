package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes one suite per kernel. What was tested and failed is a failure;
// what we got wrong is an error, as JUnit tells them apart.
func JUnit(w io.Writer, r Report) error {
	all := junitSuites{Name: "vmtest", Time: seconds(r.Run.DurationNS)}
	for _, k := range r.Kernels {
		s := junitKernel(k, r)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Suites = append(all.Suites, s)
	}
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

func junitKernel(k Kernel, r Report) junitSuite {
	s := junitSuite{Name: nameOf(k), Time: seconds(k.DurationNS), Timestamp: r.Run.StartedAt.UTC().Format("2006-01-02T15:04:05")}
	for _, result := range r.Results {
		if result.Series == k.Series {
			s.add(result)
		}
	}
	return s
}

func (s *junitSuite) add(r Result) {
	c := junitCase{Class: r.Deliverable, Name: r.Entry, Time: seconds(r.DurationNS)}
	m := &junitMessage{Message: printable(r.Reason), Type: string(r.Outcome), Text: printable(r.Reproduce)}
	switch {
	case r.Outcome == Pass:
	case r.Outcome == Skip:
		s.Skipped++
		m.Type = "" // skipped has no type in the schema
		c.Skipped = m
	case r.Outcome.Harness():
		s.Errors++
		c.Error = m
	default:
		s.Failures++
		c.Failure = m
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}

func seconds(ns int64) string { return fmt.Sprintf("%.3f", float64(ns)/1e9) }

// maxMessageBytes bounds a message: CI systems keep them in databases.
const maxMessageBytes = 8 << 10

// printable drops what XML 1.0 cannot hold, or what would hide other text.
func printable(s string) string {
	short := strings.ToValidUTF8(s[:min(len(s), maxMessageBytes)], "?")
	if len(s) > maxMessageBytes {
		short += " ..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, short)
}
