package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/internal/report"
)

// shareTarget is what the harness itself may cost in a run of five kernels.
const shareTarget = time.Minute

const shareMethod = "wall time of the run in which no test ran, as its report.json says"

// share takes the harness's own share from the report of a run.
func (b *benchmark) share() {
	r, err := readReport(b.options.report)
	if err != nil {
		b.report.Series = append(b.report.Series, bench.Skipped("harness's share of vmtest run", "", shareMethod, err.Error()))
		return
	}
	variant := fmt.Sprintf("%d kernels, %d results", len(r.Kernels), len(r.Results))
	s := bench.NewSeries("harness's share of vmtest run", variant, shareMethod, []time.Duration{time.Duration(r.Run.HarnessShareNS)})
	s.TargetNS = shareTarget.Nanoseconds()
	b.report.Series = append(b.report.Series, s)
	for _, stage := range r.Run.Stages {
		b.report.Series = append(b.report.Series, bench.NewSeries("stage "+stage.Name, variant,
			"time spent, summed up over kernels and tests; several run at once", []time.Duration{time.Duration(stage.BusyNS)}))
	}
}

func readReport(path string) (report.Report, error) {
	r, _, err := report.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, errors.New("there is no report: run make vmtest twice, the first fills the cache")
	case err == nil && r.Run.HarnessShareNS == 0:
		return r, errors.New("the report does not say the harness's share: it is of an older vmtest")
	}
	return r, err
}
