package schemas_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

var good = list(`"schema-list/v1"`, "")

func TestValidateLines(t *testing.T) {
	long := strings.Repeat(" ", schemas.MaxRecordBytes+1)
	tests := []struct {
		name, against, data string
		wantAgainst         string
		records, invalid    int
		problems            []string // "line keyword"
	}{
		{"two good", "schema-list/v1", good + "\n" + good + "\n", "schema-list/v1", 2, 0, nil},
		{"no newline at the end", "schema-list/v1", good + "\n" + good, "schema-list/v1", 2, 0, nil},
		{"carriage return", "schema-list/v1", good + "\r\n", "schema-list/v1", 1, 0, nil},
		{"own schema", "", good, "schema-list/v1", 1, 0, nil},
		{"own schemas", "", good + "\n" + `{"schema":"nosuch/v1"}`, "mixed", 2, 1, []string{"2 schema"}},
		{"own schema missing", "", "{}\n[]\n", "none", 2, 2, []string{"1 schema", "2 schema"}},
		{"own schema is no name", "", `{"schema":"` + strings.Repeat("a", 1000) + `"}`, "none", 1, 1, []string{"1 schema"}},
		{"other schema", "validation-report/v1", `{"schema":"schema-list/v1"}`, "validation-report/v1", 1, 1, []string{"1 required", "1 const"}},
		{"cut off", "schema-list/v1", good + "\n" + good[:20], "schema-list/v1", 2, 1, []string{"2 json"}},
		{"blank line", "schema-list/v1", good + "\n\n" + good, "schema-list/v1", 3, 1, []string{"2 json"}},
		{"long line between", "schema-list/v1", good + "\n" + long + "\n" + good, "schema-list/v1", 3, 1, []string{"2 size"}},
		{"longest line", "schema-list/v1", long[len(good)+1:] + good + "\n", "schema-list/v1", 1, 0, nil},
		{"two on a line", "schema-list/v1", good + good, "schema-list/v1", 1, 1, []string{"1 json"}},
		{"nothing", "schema-list/v1", "", "schema-list/v1", 0, 0, []string{"0 empty"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := schemas.ValidateLines(tt.against, strings.NewReader(tt.data))
			require.NoError(t, err)
			require.Equal(t, tt.records, report.Records)
			require.Equal(t, tt.invalid, report.Invalid)
			require.Equal(t, tt.wantAgainst, report.Against)
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(tt.data))), report.SHA256)
			require.Equal(t, tt.problems == nil, report.OK())
			var got []string
			for _, p := range report.Problems {
				got = append(got, fmt.Sprint(p.Line, " ", p.Keyword))
			}
			require.Equal(t, tt.problems, got)
			requireReportValid(t, report)
		})
	}
}

func TestValidateDocument(t *testing.T) {
	tests := []struct {
		name, data string
		records    int
		keyword    string
	}{
		{"good", good, 1, ""},
		{"pretty", strings.ReplaceAll(good, ",", ",\n"), 1, ""},
		{"two", good + "\n" + good, 1, "json"},
		{"empty", "", 0, "empty"},
		{"too long", strings.Repeat(" ", schemas.MaxRecordBytes+5), 1, "size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := schemas.ValidateDocument("schema-list/v1", strings.NewReader(tt.data))
			require.NoError(t, err)
			require.Equal(t, tt.records, report.Records)
			require.Equal(t, tt.keyword == "", report.OK())
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(tt.data))), report.SHA256)
			if tt.keyword != "" {
				require.Equal(t, tt.keyword, report.Problems[0].Keyword)
				require.Zero(t, report.Problems[0].Line)
			}
			requireReportValid(t, report)
		})
	}
}

func TestValidateAny(t *testing.T) {
	tests := []struct {
		name, document, data string
		records              int
		ok                   bool
	}{
		{"lines by name", "a.jsonl", good + "\n", 1, true},
		{"document by name", "a.json", good + "\n" + good, 1, false},
		{"lines", "-", good + "\n" + good, 2, true},
		{"one line", "-", good + "\n\n", 1, true},
		{"pretty document", "-", strings.ReplaceAll(good, ",", ",\n"), 1, true},
		{"second line cut off", "-", good + "\n" + good[:9], 2, false},
		{"nothing", "-", "", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := schemas.ValidateAny(tt.document, "schema-list/v1", strings.NewReader(tt.data))
			require.NoError(t, err)
			require.Equal(t, tt.document, report.Document)
			require.Equal(t, tt.records, report.Records)
			require.Equal(t, tt.ok, report.OK())
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(tt.data))), report.SHA256)
		})
	}
	_, err := schemas.ValidateAny("-", "schema-list/v1", iotest.ErrReader(io.ErrClosedPipe))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestReportIsBounded(t *testing.T) {
	report, err := schemas.ValidateLines("schema-list/v1", strings.NewReader(strings.Repeat("{}\n", 1000)))
	require.NoError(t, err)
	require.Equal(t, 1000, report.Invalid)
	require.Len(t, report.Problems, schemas.MaxProblems)
	require.Equal(t, 900, report.TruncatedCount)
	requireReportValid(t, report)
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	for _, validate := range []func(string, io.Reader) (schemas.Report, error){schemas.ValidateLines, schemas.ValidateDocument} {
		_, err := validate("schema-list/v1", iotest.ErrReader(broken))
		require.ErrorIs(t, err, broken)
		_, err = validate("schema-list/v1", io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken)))
		require.ErrorIs(t, err, broken)
	}
}

func requireReportValid(t *testing.T, report schemas.Report) {
	t.Helper()
	data, err := json.Marshal(report)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(schemas.ReportSchema, data))
}
