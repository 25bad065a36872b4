package kernels

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ListSchema is the schema name of vmtest/kernels.json.
const ListSchema = "kernel-list/v1"

// Series says where a kernel series is looked for.
type Series struct {
	Series    string   `json:"series"`      // "6.12", or "7" for the newest 7.x
	Suites    []string `json:"suites"`      // Debian suites, all of them are searched
	Optional  bool     `json:"optional"`    // a run passes without it
	Default   bool     `json:"default"`     // part of the default matrix
	EndOfLife bool     `json:"end_of_life"` // the suites' Release files may have expired
	Spec      string   `json:"-"`           // another source than the suites, Series is then but a name
}

// Source is the spec to fetch.
func (s Series) Source() string {
	if s.Spec != "" {
		return s.Spec
	}
	return s.Series
}

// List is the content of vmtest/kernels.json.
type List struct {
	Schema  string   `json:"schema"`
	Kernels []Series `json:"kernels"`
}

var seriesForm = regexp.MustCompile(`^[1-9][0-9]*(\.[0-9]+)?$`)

// ParseList reads a kernel list. Unknown keys, unknown schema versions,
// repeated series and series without suites are errors.
func ParseList(data []byte) (List, error) {
	var list List
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return List{}, fmt.Errorf("parse kernel list: %w", err)
	}
	if list.Schema != ListSchema {
		return List{}, fmt.Errorf("parse kernel list: schema %q, want %q", list.Schema, ListSchema)
	}
	if err := list.check(); err != nil {
		return List{}, fmt.Errorf("parse kernel list: %w", err)
	}
	return list, nil
}

func (l List) check() error {
	if len(l.Kernels) == 0 {
		return errors.New("no kernels")
	}
	seen := map[string]bool{}
	for _, k := range l.Kernels {
		switch {
		case !seriesForm.MatchString(k.Series):
			return fmt.Errorf("bad series %q", k.Series)
		case seen[k.Series]:
			return fmt.Errorf("series %s is there twice", k.Series)
		case len(k.Suites) == 0:
			return fmt.Errorf("series %s has no suites", k.Series)
		}
		seen[k.Series] = true
	}
	return nil
}

// Find returns where to look for a series. A narrower one than the list has
// ("7.2" where it has "7"), or a version ("7.2.12-1~bpo13+1"), is looked for in
// the same suites.
func (l List) Find(series string) (Series, error) {
	if !seriesForm.MatchString(series) && !versionForm.MatchString(series) {
		return Series{}, fmt.Errorf("find kernel: %q is no series like 6.12", series)
	}
	for _, k := range l.Kernels {
		if k.Series == series {
			return k, nil
		}
	}
	var wider *Series
	for i, k := range l.Kernels { // 7.1 before 7 for 7.1.13-1
		if inSeries(k.Series, series) && (wider == nil || len(k.Series) > len(wider.Series)) {
			wider = &l.Kernels[i]
		}
	}
	if wider != nil {
		k := *wider
		k.Series, k.Default = series, false
		return k, nil
	}
	return Series{}, fmt.Errorf("find kernel: series %s is not in the list (%s)", series, l.names())
}

// names lists the series for a message.
func (l List) names() string { return strings.Join(l.seriesNames(), ", ") }

// inSeries says whether a version or release belongs to a series: its first
// numbers are the same, so that 6.1 has 6.1.192-2 but not 6.12.1-1.
func inSeries(series, version string) bool {
	rest, ok := strings.CutPrefix(version, series)
	return ok && (rest == "" || !isDigit(rest[0]))
}

// matches says whether a version is what was asked for: one with a revision
// ("6.12.107-1") is meant exactly, anything shorter is a series.
func matches(want, version string) bool {
	if strings.Contains(want, "-") {
		return want == version
	}
	return inSeries(want, version)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
