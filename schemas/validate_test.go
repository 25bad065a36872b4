package schemas_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

func list(schemaValue, rest string) string {
	return `{"schema":` + schemaValue + `,"schemas":[{"name":"a/v1","id":"urn:namespaces-cgroups-ebpf:a:v1","title":"A","description":"A."}]` + rest + `}`
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name, schema, data string
		instance, keyword  string // of the only problem; none if keyword is ""
	}{
		{"valid", "schema-list/v1", list(`"schema-list/v1"`, ""), "", ""},
		{"space around", "schema-list/v1", " \n" + list(`"schema-list/v1"`, "") + "\n\n", "", ""},
		{"unknown schema", "nosuch/v1", `{}`, "", "schema"},
		{"schema name as path", "../schemas/doc", `{}`, "", "schema"},
		{"other schema", "schema-list/v1", list(`"schema-list/v2"`, ""), "/schema", "const"},
		{"no schema", "schema-list/v1", strings.Replace(list(`1`, ""), `"schema":1,`, "", 1), "", "required"},
		{"unknown property", "schema-list/v1", list(`"schema-list/v1"`, `,"x":1`), "", "additionalProperties"},
		{"not an object", "schema-list/v1", `[]`, "", "type"},
		{"empty", "schema-list/v1", ``, "", "json"},
		{"only space", "schema-list/v1", " \n", "", "json"},
		{"cut off", "schema-list/v1", `{"schema":`, "", "json"},
		{"trailing data", "schema-list/v1", list(`"schema-list/v1"`, "") + `{}`, "", "json"},
		{"key twice", "schema-list/v1", list(`"schema-list/v1"`, `,"schema":"schema-list/v1"`), "", "json"},
		{"key twice, escaped", "schema-list/v1", list(`"schema-list/v1"`, `,"s\u0063hema":"schema-list/v1"`), "", "json"},
		{"huge exponent", "schema-list/v1", list(`1e999999999`, ""), "/schema", "json"},
		{"tiny exponent", "schema-list/v1", list(`1E-999999999`, ""), "/schema", "json"},
		{"exponent overflow", "schema-list/v1", list(`1e99999999999999999999`, ""), "/schema", "json"},
		{"endless number", "schema-list/v1", list(strings.Repeat("9", 500), ""), "/schema", "json"},
		{"not UTF-8", "schema-list/v1", list("\"\xff\"", ""), "", "json"},
		{"too deep", "schema-list/v1", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), strings.Repeat("/0", 65), "json"},
		{"too many values", "schema-list/v1", `{"schemas":[` + strings.Repeat("0,", 300_000) + `0]}`, "/schemas/262142", "json"},
		{"long key", "schema-list/v1", `{"` + strings.Repeat("a", 2000) + `":0}`, "", "json"},
		{"too long", "schema-list/v1", strings.Repeat(" ", schemas.MaxRecordBytes+1), "", "size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			problems := schemas.Validate(tt.schema, []byte(tt.data))
			if tt.keyword == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Equal(t, tt.instance, problems[0].Instance)
			require.Equal(t, tt.keyword, problems[0].Keyword)
			require.NotEmpty(t, problems[0].Message)
		})
	}
}

// Big integers must neither lose digits nor be refused.
func TestValidateBigIntegers(t *testing.T) {
	for number, keyword := range map[string]string{
		"18446744073709551615": "",
		"1e300":                "",
		"-1":                   "minimum",
		"0.5":                  "type",
		`"1"`:                  "type",
	} {
		report, err := json.Marshal(validReport(t))
		require.NoError(t, err)
		data := strings.Replace(string(report), `"records":1`, `"records":`+number, 1)
		problems := schemas.Validate(schemas.ReportSchema, []byte(data))
		if keyword == "" {
			require.Empty(t, problems, number)
			continue
		}
		require.Len(t, problems, 1, number)
		require.Equal(t, keyword, problems[0].Keyword)
	}
}

func validReport(t *testing.T) schemas.Report {
	report, err := schemas.ValidateDocument("", strings.NewReader(list(`"schema-list/v1"`, "")))
	require.NoError(t, err)
	return report
}

// Only leaves are listed, in the same order each time.
func TestValidateOrder(t *testing.T) {
	data := []byte(`{"schema":"x","schemas":[{"name":1,"id":2,"title":3,"description":4}],"z":0}`)
	first := schemas.Validate("schema-list/v1", data)
	require.Len(t, first, 6)
	require.Equal(t, "", first[0].Instance)
	require.Equal(t, "/schema", first[1].Instance)
	for range 20 {
		require.Equal(t, first, schemas.Validate("schema-list/v1", data))
	}
}

// As many faults as a record can hold must neither take long nor a lot of
// memory.
func TestValidateWorstCase(t *testing.T) {
	problems := schemas.Validate("schema-list/v1", []byte(`{"schemas":[`+strings.Repeat("0,", 50_000)+`0]}`))
	require.Len(t, problems, 50_002)
}

func TestProblemString(t *testing.T) {
	p := schemas.Problem{Keyword: "json", Message: "say \"a\"\x1b[31m\n" + strings.Repeat("é", 500)}
	require.Contains(t, p.String(), `(root)  json  say "a"\x1b[31m\n`)
	require.NotContains(t, p.String(), "\x1b")
	require.Less(t, len(p.String()), 400)
}

func TestSource(t *testing.T) {
	for _, name := range schemas.Names() {
		source, err := schemas.Source(name)
		require.NoError(t, err)
		require.True(t, json.Valid(source), name)
		require.Contains(t, string(source), `"`+schemas.ID(name)+`"`)
	}
	for _, name := range []string{"", "nosuch/v1", "../x/v1", "schema-list", "schema-list.v1"} {
		_, err := schemas.Source(name)
		require.ErrorContains(t, err, "no schema called", name)
	}
}

func FuzzValidate(f *testing.F) {
	for _, name := range schemas.Names() {
		for _, kind := range []string{"valid", "invalid"} {
			for _, data := range fixtures(f, kind, name) {
				f.Add(name, data)
			}
		}
	}
	f.Add("schema-list/v1", []byte(`{"a":1e999999999}`))
	f.Add("nosuch/v1", []byte(`[[[[`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		problems := schemas.Validate(name, data)
		if problems == nil {
			require.True(t, json.Valid(data))
		}
		for _, p := range problems {
			require.NotEmpty(t, p.Keyword)
			require.NotEmpty(t, p.Message)
		}
	})
}
