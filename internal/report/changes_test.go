package report_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

func TestCompare(t *testing.T) {
	tests := []struct {
		name       string
		old, now   report.Outcome
		took, then int64 // seconds
		want       string
	}{
		{"same", report.Pass, report.Pass, 2, 2, ""},
		{"broken", report.Pass, report.Panic, 2, 2, "Newly red: panic, was pass"},
		{"skipped before", report.Skip, report.Fail, 2, 2, "Newly red: fail, was skip"},
		{"lost now", report.Pass, report.Lost, 2, 2, "Newly red: lost, was pass"},
		{"fixed", report.Fail, report.Pass, 2, 9, "Fixed: pass, was fail"},
		{"red in another way", report.Fail, report.Timeout, 2, 2, "Ended differently: timeout, was fail"},
		{"skipped now", report.Pass, report.Skip, 2, 2, "Ended differently: skip, was pass"},
		{"still red", report.Fail, report.Fail, 9, 2, ""},
		{"slower", report.Pass, report.Pass, 4, 2, "Slower: 4.0 s, was 2.0 s (2.00 times)"},
		{"faster", report.Pass, report.Pass, 1, 4, "Faster: 1.0 s, was 4.0 s (0.25 times)"},
		{"a little slower", report.Pass, report.Pass, 7, 5, ""},
		{"slower by nothing", report.Pass, report.Pass, 0, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			old, now := sample(tt.old), sample(tt.now)
			old.Results[0].DurationNS, now.Results[0].DurationNS = tt.then*1e9, tt.took*1e9
			got := ""
			for _, g := range report.Compare(old, now).Groups() {
				require.Len(t, g.Changes, 1)
				got += g.Title + ": " + g.Changes[0].String()
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestCompareFindsAddedAndRemoved(t *testing.T) {
	old, now := sample(report.Pass, report.Pass), sample(report.Pass)
	now.Results[0].ID, now.Kernels[0].Release = "mini-container/new", "5.1.2"
	c := report.Compare(old, now)
	require.Equal(t, []string{"5.1: 5.1.2, was 5.1.1-cloud-amd64", "5.2.1-cloud-amd64 is gone"}, c.Kernels)
	require.Len(t, c.Added, 1)
	require.Equal(t, "pass, is new", c.Added[0].String())
	require.Len(t, c.Removed, 2)
	require.Equal(t, "is gone, was pass", c.Removed[0].String())
	require.Equal(t, "5.2", c.Removed[1].Result().Series)
	require.Equal(t, []string{"5.2.1-cloud-amd64 is new"}, report.Compare(now, old).Kernels[1:])
}

// TestMarkdownShowsChanges, and that there are none.
func TestMarkdownShowsChanges(t *testing.T) {
	var b bytes.Buffer
	old, now := sample(report.Pass), sample(report.Fail)
	require.NoError(t, report.Markdown(&b, now, &old))
	require.Contains(t, b.String(), "- **Newly red** (1)\n  - mini-container/isolation on 5.1: fail, was pass\n")
	b.Reset()
	require.NoError(t, report.Markdown(&b, now, &now))
	require.Contains(t, b.String(), "## Changed since 2026-01-02 03:04:05 UTC\n\nNothing.\n")
	require.Contains(t, page(t, now, report.Page{Against: &now}), `<p class="reason">Nothing.</p>`)
}

// TestMarkdownKeepsLastWords: what a test wrote last is there, and stays in its
// box whatever it says.
func TestMarkdownKeepsLastWords(t *testing.T) {
	r := sample(report.Fail)
	r.Results[0].OutputTail = []string{"before", "````", "</details><script>", "\x1b\x00after"}
	var b bytes.Buffer
	require.NoError(t, report.Markdown(&b, r, nil))
	require.Contains(t, b.String(), "<details><summary>mini-container/isolation on 5.1: fail</summary>\n\n`````text\nbefore\n````\n</details><script>\nafter\n`````\n\n</details>\n")
}
