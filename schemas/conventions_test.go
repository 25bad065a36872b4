package schemas_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

func TestConventions(t *testing.T) {
	for _, name := range schemas.Names() {
		t.Run(name, func(t *testing.T) {
			source, err := schemas.Source(name)
			require.NoError(t, err)
			for _, finding := range lint(name, source) {
				t.Error(finding)
			}
			for _, p := range schemas.Validate(name, []byte("null")) {
				require.NotEqual(t, schemas.KeywordSchema, p.Keyword, p.Message)
			}
		})
	}
}

// TestLint shows that each convention can be violated.
func TestLint(t *testing.T) {
	tests := []struct {
		name, property, want string
	}{
		{"good string", `"a":{"type":"string","description":"A."}`, ""},
		{"good quantity", `"a_ns":{"type":"integer","x-unit":"ns","description":"A."}`, ""},
		{"good identifier", `"pid":{"type":"integer","x-unit":"identifier","description":"A."}`, ""},
		{"good kernel file", `"memory.max":{"type":["integer","string"],"x-unit":"bytes","description":"A."}`, ""},
		{"good reference", `"a_ns":{"$ref":"#/$defs/d","description":"A."}`, ""},
		{"good refinement", `"a":{"type":"string","description":"A.","if":{"properties":{"b":{"const":1}}}}`, ""},
		{"no description", `"a":{"type":"string"}`, `at "/properties/a": no description`},
		{"blank description", `"a":{"type":"string","description":" "}`, "no description"},
		{"no type", `"a":{"description":"A."}`, "says nothing about its type"},
		{"no unit", `"a":{"type":"integer","description":"A."}`, `x-unit ""`},
		{"unknown unit", `"a_ms":{"type":"integer","x-unit":"ms","description":"A."}`, `x-unit "ms"`},
		{"name without unit", `"a":{"type":"number","x-unit":"ratio","description":"A."}`, "must end in _ratio"},
		{"name with other unit", `"a_ns":{"type":"number","x-unit":"bytes","description":"A."}`, "must end in _bytes"},
		{"identifier named like a quantity", `"net_ns":{"type":"integer","x-unit":"identifier","description":"A."}`, "rename it"},
		{"nullable number", `"a":{"type":["integer","null"],"description":"A."}`, `x-unit ""`},
		{"numeric enum", `"a":{"enum":[1,2],"description":"A."}`, `x-unit ""`},
		{"alternative number", `"a":{"oneOf":[{"type":"integer"},{"type":"null"}],"description":"A."}`, `x-unit ""`},
		{"number in array", `"a":{"type":"array","description":"A.","items":{"type":"integer"}}`, "/properties/a/items"},
		{"number in map", `"a":{"type":"object","description":"A.","additionalProperties":{"type":"integer","description":"A."}}`, "/additionalProperties"},
		{"map without description", `"a":{"type":"object","description":"A.","patternProperties":{"^x":{"type":"string"}}}`, "/patternProperties/^x"},
		{"open object", `"a":{"type":"object","description":"A.","properties":{"b":{"type":"string","description":"B."}}}`, "is open"},
		{"deep", `"a":{"type":"array","description":"A.","items":{"type":"object","additionalProperties":false,"properties":{"b":{"type":"string"}}}}`, `"/properties/a/items/properties/b": no description`},
		{"alternative object", `"a":{"description":"A.","oneOf":[{"type":"object","properties":{}}]}`, "oneOf/0\": has properties but is open"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings := lint("x/v1", fmt.Appendf(nil, `{"$schema":"https://json-schema.org/draft/2020-12/schema",
				"$id":"urn:namespaces-cgroups-ebpf:x:v1","title":"X","description":"X.","type":"object",
				"additionalProperties":false,"required":["schema"],
				"$defs":{"d":{"type":"integer","x-unit":"ns"}},
				"properties":{"schema":{"const":"x/v1","description":"S."},%s}}`, tt.property))
			if tt.want == "" {
				require.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1)
			require.Contains(t, findings[0], tt.want)
		})
	}
	require.Len(t, lint("x/v1", []byte(`{}`)), 7)
}

func TestFixtures(t *testing.T) {
	for _, name := range schemas.Names() {
		t.Run(name, func(t *testing.T) {
			valid, invalid := fixtures(t, "valid", name), fixtures(t, "invalid", name)
			if len(valid) < 2 {
				t.Errorf("%d valid fixtures, want 2 in %s", len(valid), fixtureDir("valid", name))
			}
			if len(invalid) < 4 {
				t.Errorf("%d invalid fixtures, want 4 in %s", len(invalid), fixtureDir("invalid", name))
			}
			for file, data := range valid {
				for _, p := range schemas.Validate(name, data) {
					t.Errorf("%s should be valid: %s", file, p)
				}
			}
			faults := map[string]string{}
			for file, data := range invalid {
				fault := fmt.Sprint(schemas.Validate(name, data))
				if fault == "[]" {
					t.Errorf("%s should not be valid", file)
				} else if twin, ok := faults[fault]; ok {
					t.Errorf("%s and %s show the same fault: %s", file, twin, fault)
				}
				faults[fault] = file
			}
		})
	}
}

// hostPath finds what reports must not hold: directories of the machine that
// a fixture was recorded on.
var hostPath = regexp.MustCompile(`/(work|home|Users|var/folders)/[A-Za-z0-9]`)

func TestFixturesAreClean(t *testing.T) {
	known := map[string]bool{}
	for _, name := range schemas.Names() {
		known[fixtureDir("valid", name)], known[fixtureDir("invalid", name)] = true, true
	}
	files, err := filepath.Glob("testdata/*valid/*/*")
	require.NoError(t, err)
	for _, file := range files {
		if !known[filepath.Dir(file)] {
			t.Errorf("%s belongs to no schema of this package", file)
		}
		if filepath.Ext(file) != ".json" {
			t.Errorf("%s must be called *.json and hold one record", file)
		}
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		if path := hostPath.Find(data); path != nil {
			t.Errorf("%s holds a host path: %s", file, path)
		}
	}
}

func fixtureDir(kind, name string) string {
	base, _, _ := strings.Cut(name, "/")
	return filepath.Join("testdata", kind, base)
}

func fixtures(t testing.TB, kind, name string) map[string][]byte {
	files, err := filepath.Glob(filepath.Join(fixtureDir(kind, name), "*.json"))
	require.NoError(t, err)
	found := map[string][]byte{}
	for _, file := range files {
		found[file], err = os.ReadFile(file)
		require.NoError(t, err)
	}
	return found
}
