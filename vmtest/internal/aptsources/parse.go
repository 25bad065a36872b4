package aptsources

import (
	"fmt"
	"strings"
)

// ParseList parses a one-line-style file: deb [options] URI suite [component...].
// deb-src lines and comments are left out. The error names the faulty line.
func ParseList(data string) ([]Source, error) {
	var sources []Source
	for i, line := range strings.Split(data, "\n") {
		line, _, _ = strings.Cut(line, "#")
		s, ok, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if ok {
			sources = append(sources, s)
		}
	}
	return sources, nil
}

// parseLine parses one line; ok is false for what is not a "deb" entry.
func parseLine(line string) (s Source, ok bool, err error) {
	kind, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")), " ")
	if kind != "deb" {
		return Source{}, false, nil
	}
	rest = strings.TrimSpace(rest)
	if strings.HasPrefix(rest, "[") {
		options, after, closed := strings.Cut(rest[1:], "]")
		if !closed {
			return Source{}, false, fmt.Errorf("parse deb entry: options not closed in %q", rest)
		}
		s.SignedBy = signedBy(options)
		rest = after
	}
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return Source{}, false, fmt.Errorf("parse deb entry: want a URI and a suite, got %q", rest)
	}
	s.URIs = trimURIs(fields[:1])
	s.Suites = fields[1:2]
	s.Components = fields[2:]
	return s, true, nil
}

// signedBy returns the value of signed-by in "a=b c=d", or "".
func signedBy(options string) string {
	for _, option := range strings.Fields(options) {
		if v, ok := strings.CutPrefix(option, "signed-by="); ok {
			return v
		}
	}
	return ""
}

func trimURIs(uris []string) []string {
	out := make([]string, len(uris))
	for i, uri := range uris {
		out[i] = strings.TrimRight(uri, "/")
	}
	return out
}
