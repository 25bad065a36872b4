package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

func page(t testing.TB, r report.Report, options report.Page) string {
	var b bytes.Buffer
	require.NoError(t, report.HTML(&b, r, options))
	return b.String()
}

// between returns what is in the only element of a kind.
func between(t *testing.T, html, element string) string {
	require.Equal(t, 1, strings.Count(html, "<"+element+">"))
	require.Equal(t, 1, strings.Count(html, "</"+element+">"))
	_, rest, _ := strings.Cut(html, "<"+element+">")
	inside, _, _ := strings.Cut(rest, "</"+element+">")
	return inside
}

// TestHTMLIsSelfContained: the policy allows nothing from elsewhere, and just
// the script and the style that are there.
func TestHTMLIsSelfContained(t *testing.T) {
	older := rich()
	for name, html := range map[string]string{
		"rich": page(t, rich(), report.Page{Files: true, Against: &older}), "hostile": page(t, hostilePage(), report.Page{Files: true}),
		"empty": page(t, sample(), report.Page{}), "other hostile": page(t, hostile(), report.Page{}),
	} {
		t.Run(name, func(t *testing.T) {
			policy := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatch(html)
			require.Len(t, policy, 2)
			csp := strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(policy[1])
			require.True(t, strings.HasPrefix(csp, "default-src 'none';"))
			require.NotContains(t, csp, "unsafe")
			for _, element := range []string{"style", "script"} {
				sum := sha256.Sum256([]byte(between(t, html, element)))
				require.Contains(t, csp, element+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
			}
			body := html[strings.Index(html, "<body>"):strings.Index(html, "<script>")]
			bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(body, `""`)
			require.NotRegexp(t, `(?i)<(script|style|iframe|img|object|embed|base|meta|form)[\s>]`, body)
			require.NotRegexp(t, `(?i)<[^>]*\s(on[a-z]+|style|src|action|srcset)=`, bare)
			require.NotRegexp(t, `(?i)href="(https?:|//|javascript:|data:)`, body)
			require.NotRegexp(t, `[\x00-\x08\x0b-\x1f\x7f\x{202a}-\x{202e}]`, html)
			require.True(t, utf8.ValidString(html))
		})
	}
}

// TestHTMLLinksLead: each link within the page has its target, once.
func TestHTMLLinksLead(t *testing.T) {
	older := rich()
	older.Results = older.Results[3:]
	html := page(t, rich(), report.Page{Against: &older})
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`\sid="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		require.False(t, ids[m[1]], m[1])
		ids[m[1]] = true
	}
	links := regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(html, -1)
	require.Greater(t, len(links), 85)
	for _, m := range links {
		require.True(t, ids[m[1]], m[1])
	}
}

func TestHTMLShowsEverything(t *testing.T) {
	html := page(t, rich(), report.Page{Files: true})
	for _, want := range []string{
		"<h1>Not green</h1>", "did not end within 20s", "actual  : 99", "must be &lt;= 65535 but found 70000", "bpf_map_release",
		"Kernel panic - not syncing", "310 MiB", "restored from a snapshot", "bin/vmtest run --kernels 6.12 --tests connsnoop/exact",
		`href="6.1/console-2.log"`, `href="6.12/connsnoop/exact/artifacts/events.jsonl"`, "could have forged", "no test was running for 38.0 s",
		"KVM took 6.1 s", "panic before the first frame", strings.Repeat("3c", 32), "11529215046068469760", "not to be had",
	} {
		require.Contains(t, html, want)
	}
	require.Contains(t, page(t, sample(report.Pass), report.Page{}), "<h1>Not green</h1>", "not counted yet")
	r := sample(report.Pass)
	r.Summarize()
	require.Contains(t, page(t, r, report.Page{}), "<h1>All green</h1>")
	merged := rich()
	merged.Parts = []report.Part{{SHA256: "d00d", Series: []string{"5.10"}, Run: merged.Run}}
	merged.Parts[0].Run.Shard = &report.Shard{Index: 2, Count: 5}
	require.Contains(t, page(t, merged, report.Page{}), "Shard 2/5")
}

// TestHTMLLinksNoFilesElsewhere: only what is beside the page is linked to.
func TestHTMLLinksNoFilesElsewhere(t *testing.T) {
	r := sample(report.Fail)
	for path, linked := range map[string]bool{
		"6.1/console.log": true, "../../etc/passwd": false, "//example.org/x": false, "javascript:alert(1)": false, "/etc/passwd": false, "": false,
	} {
		r.Results[0].ConsoleLog = path
		require.Equal(t, linked, strings.Contains(page(t, r, report.Page{Files: true}), `href="`+path+`"`), path)
		require.NotContains(t, page(t, r, report.Page{}), `href="`+path+`"`)
	}
}

// TestPagesAreBounded: a run that has gone wrong all over still makes pages that
// open.
func TestPagesAreBounded(t *testing.T) {
	r := sample(report.Fail)
	one := r.Results[0]
	one.Reason = strings.Repeat("<", 100_000)
	for range 50 {
		one.OutputTail = append(one.OutputTail, strings.Repeat("&`|", 2000))
	}
	r.Results = nil
	for i := range 1000 {
		one.Entry = "e" + strconv.Itoa(i)
		one.ID = one.Deliverable + "/" + one.Entry
		r.Results = append(r.Results, one)
	}
	html := page(t, r, report.Page{})
	require.Less(t, len(html), 40<<20)
	require.Contains(t, html, "This page is full")
	require.Equal(t, 1000, strings.Count(html, `<details class="rec `))
	var md bytes.Buffer
	require.NoError(t, report.Markdown(&md, r, nil))
	require.Less(t, md.Len(), 1<<20)
	require.Contains(t, md.String(), "There is more than fits on this page")
}

func FuzzHTML(f *testing.F) {
	f.Add("</script>", "javascript:", "\x1b[31m\x00")
	f.Fuzz(func(t *testing.T, reason, path, line string) {
		r := sample(report.Fail)
		r.Results[0].Reason, r.Results[0].ConsoleLog, r.Results[0].OutputTail, r.Kernels[0].Reason = reason, path, []string{line}, line
		html := page(t, r, report.Page{Files: true})
		require.Equal(t, 1, strings.Count(html, "<script>"))
		require.Equal(t, 1, strings.Count(html, "</script>"))
		require.True(t, utf8.ValidString(html))
	})
}
