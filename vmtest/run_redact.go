package vmtest

import (
	"os"
	"path/filepath"
	"strings"

	"namespaces-cgroups-ebpf/internal/report"
)

// redact takes the directories of this machine out of reasons.
func (r *runner) redact() {
	for i := range r.report.Kernels {
		row := &r.report.Kernels[i]
		row.Reason = r.redacted(row.Reason)
		for j := range row.FailedAttempts {
			row.FailedAttempts[j].Reason = r.redacted(row.FailedAttempts[j].Reason)
		}
	}
	for i := range r.report.Results {
		r.redactResult(&r.report.Results[i])
	}
	reason := &r.report.Run.Accelerator.Reason
	*reason = r.redacted(*reason)
}

func (r *runner) redactResult(res *report.Result) {
	res.Reason = r.redacted(res.Reason)
	res.OutputTail, res.ConsoleTail = r.redactedLines(res.OutputTail), r.redactedLines(res.ConsoleTail)
}

// redactedLines leaves the lines themselves alone: a copy of the result that
// they are from may be in use.
func (r *runner) redactedLines(lines []string) []string {
	var clean []string
	for _, line := range lines {
		clean = append(clean, r.redacted(line))
	}
	return clean
}

// redacted replaces directories by the name of who has chosen them.
func (r *runner) redacted(s string) string {
	var pairs []string
	for _, dir := range []struct{ path, name string }{
		{filepath.Join(os.TempDir(), workPrefix), "$TMPDIR/" + workPrefix},
		{r.CacheDir, "$VMTEST_CACHE"}, {r.PackageDir, "$VMTEST_PACKAGE_DIR"}, {r.Out, "$OUT"}, {r.Repo, "$REPO"},
	} {
		abs, err := filepath.Abs(dir.path)
		if dir.path != "" && err == nil && abs != "/" {
			pairs = append(pairs, abs, dir.name)
		}
	}
	return strings.NewReplacer(pairs...).Replace(s)
}
