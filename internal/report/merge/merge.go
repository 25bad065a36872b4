package merge

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/internal/report"
)

// Options of Join.
type Options struct {
	// Kernels must be there, besides what the reports themselves say.
	Kernels []string
	// Force joins reports of different builds and kernel packages.
	Force bool
}

// maxParts bounds what one report can name.
const maxParts = 256

// Join makes one report of many. It refuses reports that do not belong
// together; a report that is missing makes lost results.
func Join(parts []Part, o Options) (report.Report, error) {
	if len(parts) == 0 || len(parts) > maxParts {
		return report.Report{}, fmt.Errorf("%d reports, want 1 to %d", len(parts), maxParts)
	}
	m := &merger{Options: o, parts: parts, kernels: map[string]int{}, cells: map[[2]string]report.Result{}}
	for _, step := range []func() error{m.checkRuns, m.checkShards, m.collectKernels, m.collectResults, m.plan} {
		if err := step(); err != nil {
			return report.Report{}, err
		}
	}
	m.out.Schema, m.out.Run = report.Schema, joinRuns(parts)
	m.out.Run.Planned = &m.planned
	m.fill()
	m.out.Quota = m.quotas()
	for _, p := range parts {
		m.out.Parts = append(m.out.Parts, report.Part{SHA256: p.SHA256, Series: seriesOf(p.Report), Run: p.Report.Run})
	}
	m.out.Summarize()
	return m.out, nil
}

type merger struct {
	Options
	parts   []Part
	kernels map[string]int // series to index in out
	cells   map[[2]string]report.Result
	planned report.Planned
	missing []string // shards, as 3/5
	out     report.Report
}

// checkRuns refuses reports that were not made by the same harness, programs
// and tier.
func (m *merger) checkRuns() error {
	first, programs, seen := m.parts[0], map[string]string{}, map[string]string{}
	for _, p := range m.parts {
		if twin, ok := seen[p.SHA256]; ok {
			return fmt.Errorf("%s and %s are the same report", twin, p.Name)
		}
		seen[p.SHA256] = p.Name
		if p.Report.Run.Tier != first.Report.Run.Tier {
			return fmt.Errorf("%s is of tier %s, %s of tier %s", first.Name, first.Report.Run.Tier, p.Name, p.Report.Run.Tier)
		}
		if a, b := first.Report.Run.HarnessVersion, p.Report.Run.HarnessVersion; a != b && !m.Force {
			return fmt.Errorf("%s was made by harness %q, %s by %q (--force joins them)", first.Name, a, p.Name, b)
		}
		if a, b := first.Report.Run.Guest, p.Report.Run.Guest; a != nil && b != nil && !reflect.DeepEqual(a, b) && !m.Force {
			return fmt.Errorf("%s and %s had guests of different kinds (--force joins them)", first.Name, p.Name)
		}
		for _, program := range p.Report.Run.Programs {
			if sum, ok := programs[program.Name]; ok && sum != program.SHA256 && !m.Force {
				return fmt.Errorf("%s ran another build of %s than the reports before it (--force joins them)", p.Name, program.Name)
			}
			programs[program.Name] = program.SHA256
		}
	}
	return nil
}

// checkShards finds the shards that are missing.
func (m *merger) checkShards() error {
	first := m.parts[0]
	there := map[int]string{}
	for _, p := range m.parts {
		a, b := first.Report.Run.Shard, p.Report.Run.Shard
		switch {
		case (a == nil) != (b == nil):
			return fmt.Errorf("of %s and %s only one is a shard", first.Name, p.Name)
		case b == nil:
			continue
		case a.Count != b.Count:
			return fmt.Errorf("%s is shard %v, %s is shard %v", first.Name, a, p.Name, b)
		case b.Index > b.Count:
			return fmt.Errorf("%s is shard %v", p.Name, b)
		case there[b.Index] != "":
			return fmt.Errorf("%s and %s are both shard %v", there[b.Index], p.Name, b)
		case !samePlan(first.Report.Run.Planned, p.Report.Run.Planned):
			return fmt.Errorf("%s and %s are shards of different plans", first.Name, p.Name)
		}
		there[b.Index] = p.Name
	}
	if shard := first.Report.Run.Shard; shard != nil {
		for i := 1; i <= shard.Count; i++ {
			if there[i] == "" {
				m.missing = append(m.missing, report.Shard{Index: i, Count: shard.Count}.String())
			}
		}
	}
	return nil
}

func samePlan(a, b *report.Planned) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.Series, b.Series) && slices.Equal(a.Tests, b.Tests)
}

// plan lists what must be there: what the shards say, or each test that there
// is on each kernel that there is or is asked for.
func (m *merger) plan() error {
	first := m.parts[0].Report.Run.Planned
	if first != nil {
		m.planned = report.Planned{Series: slices.Clone(first.Series), Tests: slices.Clone(first.Tests)}
	}
	var foreign error
	for _, p := range m.parts {
		for _, r := range p.Report.Results {
			if !slices.Contains(m.planned.Series, r.Series) || !slices.Contains(m.planned.Tests, r.ID) {
				foreign = errors.Join(foreign, fmt.Errorf("%s: %s on %s is not in the plan of the shards", p.Name, r.ID, r.Series))
			}
			m.planned.Series, m.planned.Tests = with(m.planned.Series, r.Series), with(m.planned.Tests, r.ID)
		}
		for _, k := range p.Report.Kernels {
			m.planned.Series = with(m.planned.Series, k.Series)
		}
	}
	if first != nil && foreign != nil {
		return foreign
	}
	for _, series := range m.Kernels {
		m.planned.Series = with(m.planned.Series, series)
	}
	return nil
}

func with(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// fill arranges everything in the order of the plan. What no report has is
// lost.
func (m *merger) fill() {
	why := "no report has it"
	if len(m.missing) > 0 {
		why = "missing shard: " + strings.Join(m.missing, ", ")
	}
	rows := m.out.Kernels
	m.out.Kernels, m.out.Results = []report.Kernel{}, []report.Result{}
	gaps := 0
	for _, series := range m.planned.Series {
		row := report.Kernel{Series: series, Outcome: report.Lost, Reason: why, Packages: []report.Package{}}
		if i, ok := m.kernels[series]; ok {
			row = rows[i]
		}
		m.out.Kernels = append(m.out.Kernels, row)
		for _, id := range m.planned.Tests {
			result, ok := m.cells[[2]string{series, id}]
			if !ok {
				gaps++
				result = lost(series, row.Release, id, why)
			}
			m.out.Results = append(m.out.Results, result)
		}
	}
	if gaps > 0 {
		return
	}
	for _, shard := range m.missing { // nobody knows what it would have shown
		name := "shard-" + strings.ReplaceAll(shard, "/", "-of-")
		m.out.Kernels = append(m.out.Kernels, report.Kernel{
			Series: name, Outcome: report.Lost, Reason: "missing shard: " + shard, Packages: []report.Package{},
		})
	}
}

func lost(series, release, id, why string) report.Result {
	deliverable, entry, _ := strings.Cut(id, "/")
	if release == "" {
		release = series
	}
	return report.Result{
		ID: id, Deliverable: deliverable, Entry: entry, Kernel: release, Series: series, Outcome: report.Lost, Reason: why,
		Artifacts: []report.Artifact{}, Reproduce: fmt.Sprintf("bin/vmtest run --kernels %s --tests %s", series, id),
	}
}

func seriesOf(r report.Report) []string {
	list := []string{}
	for _, k := range r.Kernels {
		list = append(list, k.Series)
	}
	return list
}
