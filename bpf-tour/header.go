package bpftour

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The grammar of a header line is "// key: value". Columns, keys and
// histograms end in "| description".
var (
	nameRE  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	probeRE = regexp.MustCompile(`^(tracepoint:[a-z0-9_]+:[a-z0-9_]+|kprobe:[a-z0-9_]+)$`)
	needRE  = regexp.MustCompile(`^btf$`)
	mapRE   = regexp.MustCompile(`^@[a-z][a-z0-9_]*$`)
)

// units of numbers, and for text "none". The schema has one rule for each.
var units = []string{"ns", "bytes", "count", "identifier", "none"}

// splitHeader cuts a recipe after its leading comment lines.
func splitHeader(source string) (header []string, program string) {
	for strings.HasPrefix(source, "//") {
		line, rest, _ := strings.Cut(source, "\n")
		header = append(header, line)
		source = rest
	}
	return header, source
}

// ParseRecipe reads a .bt file with its header. It is strict: an unknown or
// repeated key, a wildcard probe, or a name that does not match its unit is
// an error that names the line.
func ParseRecipe(source string) (Recipe, error) {
	header, program := splitHeader(source)
	r := Recipe{Source: source}
	for i, line := range header {
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "// "), ": ")
		if !ok || strings.TrimSpace(value) == "" {
			return r, fmt.Errorf("header line %d: want \"// key: value\"", i+1)
		}
		if err := r.set(key, strings.TrimSpace(value)); err != nil {
			return r, fmt.Errorf("header line %d: %s: %w", i+1, key, err)
		}
	}
	return r, r.check(program)
}

func (r *Recipe) set(key, value string) error {
	switch key {
	case "name":
		return setOnce(&r.Name, value)
	case "title":
		return setOnce(&r.Title, value)
	case "answers":
		return setOnce(&r.Answers, value)
	case "probe":
		return appendMatch(&r.Probes, value, probeRE)
	case "needs":
		return appendMatch(&r.Needs, value, needRE)
	case "note":
		r.Notes = append(r.Notes, value)
		return nil
	case "column":
		c, err := parseColumn(value)
		r.Columns = append(r.Columns, c)
		return err
	case "histogram":
		h, err := parseHistogram(value)
		r.Histograms = append(r.Histograms, h)
		return err
	case "key":
		return r.addKey(value)
	}
	return fmt.Errorf("unknown key")
}

func setOnce(field *string, value string) error {
	if *field != "" {
		return fmt.Errorf("given twice")
	}
	*field = value
	return nil
}

func appendMatch(list *[]string, value string, re *regexp.Regexp) error {
	if !re.MatchString(value) || slices.Contains(*list, value) {
		return fmt.Errorf("%q is malformed or given twice", value)
	}
	*list = append(*list, value)
	return nil
}

func parseColumn(value string) (Column, error) {
	spec, description, _ := strings.Cut(value, " | ")
	f := strings.Fields(spec)
	if len(f) != 3 || description == "" {
		return Column{}, fmt.Errorf("want \"name type unit | description\"")
	}
	c := Column{Name: f[0], Type: Type(f[1]), Unit: f[2], Description: description}
	if c.Unit == "-" {
		c.Unit = "none"
	}
	numeric := c.Type == Int || c.Type == Uint
	switch {
	case !numeric && c.Type != String && c.Type != Strings:
		return c, fmt.Errorf("unknown type %q", c.Type)
	case numeric == (c.Unit == "none"):
		return c, fmt.Errorf("a number needs a unit, and a text has none")
	}
	return c, checkName(c.Name, c.Unit)
}

// checkName holds names to the rule of the schemas: a quantity, and only a
// quantity, ends in its unit.
func checkName(name, unit string) error {
	if !nameRE.MatchString(name) || !slices.Contains(units, unit) {
		return fmt.Errorf("malformed name %q or unknown unit %q", name, unit)
	}
	for _, u := range units[:3] {
		if strings.HasSuffix(name, "_"+u) != (u == unit) {
			return fmt.Errorf("name %q does not go with unit %q", name, unit)
		}
	}
	return nil
}

func parseHistogram(value string) (HistogramSpec, error) {
	spec, description, _ := strings.Cut(value, " | ")
	f := strings.Fields(spec)
	if len(f) != 3 || description == "" || !mapRE.MatchString(f[0]) {
		return HistogramSpec{}, fmt.Errorf("want \"@map name unit | description\"")
	}
	if f[2] != "ns" && f[2] != "bytes" {
		return HistogramSpec{}, fmt.Errorf("unit of a histogram must be ns or bytes")
	}
	h := HistogramSpec{Map: f[0], Name: f[1], Unit: f[2], Description: description, Key: []Column{}}
	return h, checkName(h.Name, h.Unit)
}

func (r *Recipe) addKey(value string) error {
	name, spec, _ := strings.Cut(value, " ")
	c, err := parseColumn(spec)
	if err != nil {
		return err
	}
	for i := range r.Histograms {
		h := &r.Histograms[i]
		if h.Map != name {
			continue
		}
		if n := len(h.Key); n > 0 && h.Key[n-1].Type == String || c.Type == Strings {
			return fmt.Errorf("only the last part of a key may be text")
		}
		h.Key = append(h.Key, c)
		return nil
	}
	return fmt.Errorf("no histogram %s above", name)
}

func (r *Recipe) check(program string) error {
	switch {
	case !nameRE.MatchString(r.Name):
		return fmt.Errorf("header: malformed name %q", r.Name)
	case r.Title == "" || r.Answers == "" || len(r.Probes) == 0:
		return fmt.Errorf("header: title, answers and probe are required")
	case len(r.Columns) == 0 && len(r.Histograms) == 0:
		return fmt.Errorf("header: neither column nor histogram")
	case strings.TrimSpace(program) == "":
		return fmt.Errorf("no program after the header")
	}
	for i, c := range r.Columns {
		if c.Type == Strings && (i == 0 || r.Columns[i-1].Unit != "count") {
			return fmt.Errorf("header: column %s needs a count before it", c.Name)
		}
	}
	return nil
}
