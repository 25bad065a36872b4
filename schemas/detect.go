package schemas

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"path"
)

// detectBytes is how far into an input its kind is looked for.
const detectBytes = 64 << 10

// ValidateAny checks r as ValidateLines or as ValidateDocument does, and
// calls it document in the report. *.json is one document and *.jsonl JSON
// lines. Anything else, such as "-" for a standard output, is JSON lines if
// its first line is a whole JSON value of at most 64 KiB with more after it.
func ValidateAny(document, name string, r io.Reader) (Report, error) {
	buffered := bufio.NewReaderSize(r, detectBytes)
	validate := ValidateDocument
	if isLines(document, buffered) {
		validate = ValidateLines
	}
	report, err := validate(name, buffered)
	report.Document = document
	return report, err
}

func isLines(document string, r *bufio.Reader) bool {
	switch path.Ext(document) {
	case ".json":
		return false
	case ".jsonl":
		return true
	}
	head, _ := r.Peek(detectBytes) // an error is met again by who reads on
	first, rest, _ := bytes.Cut(head, []byte("\n"))
	return json.Valid(first) && len(bytes.TrimSpace(rest)) > 0
}
