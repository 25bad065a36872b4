package vmtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

// resumed is the same run once more, with --resume.
func resumed(t *testing.T, before *runner, change func(*RunConfig)) *runner {
	before.close()
	c := before.RunConfig
	c.Resume, c.Seed = true, 0
	if change != nil {
		change(&c)
	}
	r, err := newRunner(c)
	require.NoError(t, err)
	t.Cleanup(r.close)
	return r
}

func TestResumeKeepsWhatWouldBeTheSame(t *testing.T) {
	tests := []struct {
		name   string
		change func(*RunConfig)
		ground func(*runner)
		kept   bool
	}{
		{"the same run", nil, nil, true},
		{"another seed", func(c *RunConfig) { c.Seed = 8 }, nil, false},
		{"another tier", func(c *RunConfig) { c.Tier = "full" }, nil, false},
		{"another memory size", func(c *RunConfig) { c.MemoryBytes = 2 << 30 }, nil, false},
		{"not asked for", func(c *RunConfig) { c.Resume = false }, nil, false},
		{"another program", nil, func(r *runner) {
			r.programs = []report.Program{{Name: "bpf-tour.test", SHA256: strings.Repeat("c", 64)}}
		}, false},
		{"another program of another folder", nil, func(r *runner) {
			r.programs = []report.Program{{Name: "connsnoop", SHA256: strings.Repeat("c", 64)}}
		}, true},
		{"another init", nil, func(r *runner) { r.initSum = "x" }, false},
		{"another plan", nil, func(r *runner) { r.cells[0].entry.Argv = []string{"x"} }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := testRunner(t)
			opened(t, r).judge(listed(), report.VMStats{AttemptsCount: 1})
			again := resumed(t, r, tt.change)
			if tt.ground != nil {
				tt.ground(again)
			}
			c := opened(t, again)
			if !tt.kept {
				require.NotNil(t, c)
				require.False(t, again.report.Results[0].Resumed)
				return
			}
			require.Nil(t, c, "nothing is left to run")
			require.EqualValues(t, 7, again.Seed)
			require.NoError(t, again.write())
			rep := written(t, again)
			require.Equal(t, "pass skip", outcomes(rep))
			require.True(t, rep.Results[0].Resumed)
			require.True(t, rep.Summary.Green)
		})
	}
}

// TestResumeTriesOurFaultsAgain: a verdict about the harness is none about the
// test.
func TestResumeTriesOurFaultsAgain(t *testing.T) {
	r := testRunner(t)
	trace := listed()
	trace.Runs[0].Exit, trace.Done, trace.Fault = nil, nil, "guest lost: EOF"
	require.Equal(t, report.Lost, opened(t, r).judge(trace, report.VMStats{}).Outcome)
	require.NotNil(t, opened(t, resumed(t, r, nil)))
}

// TestJournalOfAKilledRun: half a line is no verdict, and does not spoil the
// next one.
func TestJournalOfAKilledRun(t *testing.T) {
	r := testRunner(t)
	opened(t, r).judge(listed(), report.VMStats{AttemptsCount: 1})
	path := filepath.Join(r.Out, journalFile)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(whole, whole[:len(whole)/2]...), 0o644))

	again := resumed(t, r, nil)
	require.Len(t, again.journal.kept, 1)
	require.NoError(t, again.journal.add(journalLine{
		Schema: journalSchema, Key: strings.Repeat("f", 64), Seed: "7", Result: again.journal.kept[firstKey(again.journal)],
	}))
	third := resumed(t, again, nil)
	require.Len(t, third.journal.kept, 2)
}

func firstKey(j *journal) string {
	for key := range j.kept {
		return key
	}
	return ""
}

// TestJournalIsChecked: a line that does not fit its schema is not used.
func TestJournalIsChecked(t *testing.T) {
	r := testRunner(t)
	opened(t, r).judge(listed(), report.VMStats{AttemptsCount: 1})
	path := filepath.Join(r.Out, journalFile)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), `"exit_code":0`)
	forged := strings.Replace(string(data), `"exit_code":0`, `"exit_code":1`, 1)
	require.NoError(t, os.WriteFile(path, []byte(forged), 0o644))
	require.Empty(t, resumed(t, r, nil).journal.kept)
}
