package aptsources

import (
	"fmt"
	"slices"
	"strings"
)

// ParseDeb822 parses a *.sources file: paragraphs of "Field: value" separated
// by empty lines. Paragraphs with Enabled: no, and those without the type deb,
// are left out. The error names the faulty line.
func ParseDeb822(data string) ([]Source, error) {
	var sources []Source
	p := paragraph{}
	flush := func() {
		if s, ok := p.source(); ok {
			sources = append(sources, s)
		}
		p = paragraph{}
	}
	for i, line := range strings.Split(data, "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "":
			flush()
		case line[0] == '#': // a comment may stand in the middle of a field
		default:
			if err := p.add(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
	}
	flush()
	return sources, nil
}

// paragraph collects the fields of one deb822 paragraph, names in lower case.
type paragraph struct {
	fields map[string]string
	last   string
}

// add takes one line: a field, or the continuation of the field before.
func (p *paragraph) add(line string) error {
	if line[0] == ' ' || line[0] == '\t' {
		if p.last == "" {
			return fmt.Errorf("parse continuation %q: no field before it", line)
		}
		p.fields[p.last] += "\n" + strings.TrimSpace(line)
		return nil
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("parse field %q: no colon", line)
	}
	if p.fields == nil {
		p.fields = map[string]string{}
	}
	p.last = strings.ToLower(strings.TrimSpace(name))
	p.fields[p.last] = strings.TrimSpace(value)
	return nil
}

// source makes the paragraph a Source; ok is false if it is empty, disabled, or
// not about binary packages.
func (p *paragraph) source() (s Source, ok bool) {
	if !slices.Contains(strings.Fields(p.fields["types"]), "deb") || disabled(p.fields["enabled"]) {
		return Source{}, false
	}
	s = Source{
		URIs:       trimURIs(strings.Fields(p.fields["uris"])),
		Suites:     strings.Fields(p.fields["suites"]),
		Components: strings.Fields(p.fields["components"]),
		SignedBy:   strings.TrimSpace(p.fields["signed-by"]),
	}
	return s, len(s.URIs) > 0 && len(s.Suites) > 0
}

// disabled knows apt's spellings of false; anything else counts as enabled.
func disabled(v string) bool {
	return slices.Contains([]string{"no", "false", "without", "off", "disable", "0"}, strings.ToLower(v))
}
