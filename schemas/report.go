package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

const (
	// ReportSchema is the name of Report's own schema.
	ReportSchema = "validation-report/v1"

	// MaxProblems bounds the problems that one Report lists.
	MaxProblems = 100
)

// What Report.Against says if it is not one name.
const (
	AgainstNone  = "none"  // no record named a schema
	AgainstMixed = "mixed" // the records named several schemas
)

// Report tells how one document or one stream of JSON lines fared. It is
// encoded as validation-report/v1, which graders read.
type Report struct {
	Schema         string    `json:"schema"`          // always ReportSchema
	Document       string    `json:"document"`        // what the caller calls it; a base name, never a host path
	SHA256         string    `json:"sha256"`          // of all bytes, lower-case hex
	Against        string    `json:"against"`         // name of the schema, AgainstNone or AgainstMixed
	Records        int       `json:"records"`         // JSON values seen: 1 for a document, lines for JSON lines
	Invalid        int       `json:"invalid"`         // records with at least one problem
	Problems       []Problem `json:"problems"`        // the first MaxProblems, in order; never nil
	TruncatedCount int       `json:"truncated_count"` // problems that are not listed
}

// OK reports whether there was a record and none had a problem.
func (r Report) OK() bool { return len(r.Problems) == 0 && r.Records > 0 }

// ValidateDocument checks the one JSON document in r against the schema called
// name, or against the one that it names itself if name is "". It returns an
// error only if reading fails.
func ValidateDocument(name string, r io.Reader) (Report, error) {
	t := newTally(name)
	data, err := io.ReadAll(io.LimitReader(io.TeeReader(r, t.hash), MaxRecordBytes+1))
	if err != nil {
		return Report{}, fmt.Errorf("read document: %w", err)
	}
	if _, err := io.Copy(t.hash, r); err != nil {
		return Report{}, fmt.Errorf("read document: %w", err)
	}
	if len(data) > 0 {
		t.record(0, data)
	}
	return t.report(), nil
}

// ValidateLines checks JSON lines, one record per line, as ValidateDocument
// does. A line that is empty or too long is a record with a problem.
func ValidateLines(name string, r io.Reader) (Report, error) {
	t := newTally(name)
	lines := newLineReader(io.TeeReader(r, t.hash))
	for line := 1; ; line++ {
		data, err := lines.next()
		if err == io.EOF {
			return t.report(), nil
		}
		if err != nil {
			return Report{}, fmt.Errorf("read line %d: %w", line, err)
		}
		t.record(line, data)
	}
}

// tally builds a Report record by record.
type tally struct {
	Report
	want string
	hash hash.Hash
}

func newTally(want string) *tally {
	return &tally{
		Report: Report{Schema: ReportSchema, Against: AgainstNone, Problems: []Problem{}},
		want:   want,
		hash:   sha256.New(),
	}
}

func (t *tally) record(line int, data []byte) {
	t.Records++
	problems := t.check(data)
	if len(problems) > 0 {
		t.Invalid++
	}
	for _, p := range problems {
		p.Line = line
		t.add(p)
	}
}

func (t *tally) check(data []byte) []Problem {
	value, problems := parse(data)
	name := t.want
	if problems == nil && name == "" {
		name, problems = schemaOf(value)
	}
	t.against(name)
	if problems != nil {
		return problems
	}
	return validateValue(name, value)
}

func (t *tally) against(name string) {
	switch {
	case !nameForm.MatchString(name) || name == t.Against:
	case t.Against == AgainstNone:
		t.Against = name
	default:
		t.Against = AgainstMixed
	}
}

func (t *tally) add(p Problem) {
	if len(t.Problems) == MaxProblems {
		t.TruncatedCount++
		return
	}
	t.Problems = append(t.Problems, p)
}

func (t *tally) report() Report {
	if t.Records == 0 {
		t.against(t.want)
		t.add(Problem{Keyword: KeywordEmpty, Message: "no record: nothing was validated"})
	}
	t.SHA256 = hex.EncodeToString(t.hash.Sum(nil))
	return t.Report
}
