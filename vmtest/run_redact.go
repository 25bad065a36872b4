package vmtest

import (
	"os"
	"path/filepath"
	"strings"
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
		r.report.Results[i].Reason = r.redacted(r.report.Results[i].Reason)
	}
	reason := &r.report.Run.Accelerator.Reason
	*reason = r.redacted(*reason)
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
