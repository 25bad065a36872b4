package report_test

import (
	"bytes"
	"encoding/xml"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

func junit(t testing.TB, r report.Report) []byte {
	var b bytes.Buffer
	require.NoError(t, report.JUnit(&b, r))
	return b.Bytes()
}

// junitFile is what a reader of JUnit sees.
type junitFile struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Name  string `xml:"name,attr"`
		Cases []struct {
			Name    string   `xml:"name,attr"`
			Failure []string `xml:"failure"`
			Error   []string `xml:"error"`
			Skipped []string `xml:"skipped"`
			Out     string   `xml:"system-out"`
			Err     string   `xml:"system-err"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func parseJUnit(t testing.TB, r report.Report) junitFile {
	var got junitFile
	require.NoError(t, xml.Unmarshal(junit(t, r), &got))
	return got
}

// requireXSD checks a document with xmllint against schemas/junit.xsd. Without
// xmllint nothing is shown, and that is no pass.
func requireXSD(t *testing.T, document []byte) {
	t.Helper()
	xmllint, err := exec.LookPath("xmllint")
	require.NoError(t, err, "ci/install-deps.sh test installs it")
	cmd := exec.Command(xmllint, "--nonet", "--noout", "--schema", "../../schemas/junit.xsd", "-")
	cmd.Stdin = bytes.NewReader(document)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestJUnitIsValid(t *testing.T) {
	for name, r := range map[string]report.Report{
		"empty": sample(), "every outcome": sample(report.Outcomes()[:9]...), "hostile": hostile(), "rich": rich(),
	} {
		t.Run(name, func(t *testing.T) { requireXSD(t, junit(t, r)) })
	}
}

// TestXSDRefuses: the schema is one that can be violated.
func TestXSDRefuses(t *testing.T) {
	good := string(junit(t, rich()))
	for name, change := range map[string][2]string{
		"failure without a message": {`<failure message=`, `<failure note=`},
		"two verdicts":              {`<failure `, `<error message="x" type="y"></error><failure `},
		"unknown element":           {`<system-out>`, `<output></output><system-out>`},
		"same suite twice":          {`<testsuite name="kernel 6.1"`, `<testsuite name="kernel 5.10"`},
		"no count":                  {` skipped="`, ` passed="`},
		"duration in words":         {` time="`, ` time="about `},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, good, change[0])
			xmllint := exec.Command("xmllint", "--nonet", "--noout", "--schema", "../../schemas/junit.xsd", "-")
			xmllint.Stdin = strings.NewReader(strings.Replace(good, change[0], change[1], 1))
			require.Error(t, xmllint.Run())
		})
	}
}

// TestJUnitCounts reads the XML back and counts.
func TestJUnitCounts(t *testing.T) {
	got := parseJUnit(t, hostile())
	require.Less(t, len(junit(t, hostile())), 60_000)
	require.Equal(t, []int{6 + 1 + 6 + 1, 3 + 1, 1 + 1, 1}, []int{got.Tests, got.Failures, got.Errors, got.Skipped})
	require.Len(t, got.Suites, 7)
	require.Empty(t, got.Suites[0].Cases[0].Failure)
	require.Equal(t, "quota", got.Suites[0].Cases[1].Name)
	require.Len(t, got.Suites[0].Cases[1].Failure, 1)
	require.Len(t, got.Suites[1].Cases[0].Failure, 1)
	require.Len(t, got.Suites[2].Cases[0].Error, 1)
	require.Len(t, got.Suites[4].Cases[0].Skipped, 1)
	require.Equal(t, "run", got.Suites[6].Name)
	require.Len(t, got.Suites[6].Cases[2].Error, 1, "the kernel that was lost")
}

// TestJUnitIsRedWhenTheReportIs: no reader of JUnit alone may see a green run
// that is none, nor the other way round.
func TestJUnitIsRedWhenTheReportIs(t *testing.T) {
	optional := sample(report.Pass, report.Unavailable)
	optional.Kernels[1].Optional = true
	quota := sample(report.Pass)
	quota.Quota = []report.Quota{{Deliverable: "mini-container", Kernel: quota.Kernels[0].Release, UsedNS: 2, QuotaNS: 1}}
	otherQuota := sample(report.Pass)
	otherQuota.Quota = []report.Quota{{Deliverable: "mini-container", Kernel: "unheard of", UsedNS: 2, QuotaNS: 1}}
	died := sample(report.Pass)
	died.Kernels[0].Outcome = report.Lost
	reports := map[string]report.Report{
		"empty": sample(), "passed": sample(report.Pass), "skipped": sample(report.Skip), "optional": optional,
		"over quota": quota, "over a quota of nothing": otherQuota, "kernel died": died, "rich": rich(),
	}
	for _, o := range report.Outcomes() {
		reports["pass and "+string(o)] = sample(report.Pass, o)
	}
	for name, r := range reports {
		t.Run(name, func(t *testing.T) {
			r.Summarize()
			got := parseJUnit(t, r)
			require.Equal(t, r.Summary.Green, got.Failures+got.Errors == 0)
		})
	}
}

// TestJUnitCarriesOutput: the end of the output is where readers show it.
func TestJUnitCarriesOutput(t *testing.T) {
	r := sample(report.Fail)
	r.Results[0].OutputTail = []string{"--- FAIL: \x1b[31mTestX\x00", "]]> <x>"}
	r.Results[0].Kmsg, r.Results[0].ConsoleTail = []string{"WARNING: x"}, []string{"Kernel panic"}
	c := parseJUnit(t, r).Suites[0].Cases[0]
	require.Equal(t, "--- FAIL: [31mTestX\n]]> <x>", c.Out)
	require.Equal(t, "WARNING: x\nKernel panic", c.Err)
}

func FuzzJUnit(f *testing.F) {
	f.Add("a", "b\x00\x1b\xff\ufffe", "]]>", "\u202e")
	f.Add("<", "&", "\r\n", "\ud7ff")
	f.Fuzz(func(t *testing.T, reason, output, console, release string) {
		r := sample(report.Pass, report.Fail)
		r.Results[1].Reason, r.Results[1].OutputTail, r.Results[1].ConsoleTail = reason, []string{output}, []string{console}
		r.Kernels[0].Release = release
		var got junitFile
		require.NoError(t, xml.Unmarshal(junit(t, r), &got))
		require.Equal(t, 1, got.Failures)
	})
}
