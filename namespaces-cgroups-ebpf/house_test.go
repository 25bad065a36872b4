package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// repo is the checkout, seen from this package.
const repo = ".."

func read(t *testing.T, path string) string {
	data, err := os.ReadFile(filepath.Join(repo, path))
	require.NoError(t, err)
	return string(data)
}

// walk calls visit for each file of the checkout that is not built or hidden.
func walk(t *testing.T, visit func(path string)) {
	require.NoError(t, filepath.WalkDir(repo, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		rel, err := filepath.Rel(repo, path)
		require.NoError(t, err)
		switch {
		case d.IsDir() && (rel == "bin" || rel == "out" || rel == ".git" || rel == ".cache"):
			return fs.SkipDir
		case !d.IsDir():
			visit(filepath.ToSlash(rel))
		}
		return nil
	}))
}

// TestWorkflowRunsTheDefaultMatrix: one job per kernel of kernels.json.
func TestWorkflowRunsTheDefaultMatrix(t *testing.T) {
	var list struct {
		Kernels []struct {
			Series  string `json:"series"`
			Default bool   `json:"default"`
		} `json:"kernels"`
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "vmtest/kernels.json")), &list))
	var want []string
	for _, k := range list.Kernels {
		if k.Default {
			want = append(want, k.Series)
		}
	}
	jobs := workflow(t, "vmtest.yml")
	require.Equal(t, want, jobs["vmtest"].Strategy.Matrix.Kernel)
}

// job is what the tests here look at in a workflow.
type job struct {
	Needs    string `yaml:"needs"`
	If       string `yaml:"if"`
	Strategy struct {
		FailFast *bool `yaml:"fail-fast"`
		Matrix   struct {
			Kernel []string `yaml:"kernel"`
		} `yaml:"matrix"`
	} `yaml:"strategy"`
	Steps []struct {
		Uses string            `yaml:"uses"`
		If   string            `yaml:"if"`
		Run  string            `yaml:"run"`
		With map[string]string `yaml:"with"`
		Env  map[string]string `yaml:"env"`
	} `yaml:"steps"`
}

func workflow(t *testing.T, name string) map[string]job {
	var w struct {
		Jobs map[string]job `yaml:"jobs"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, ".github/workflows/"+name)), &w))
	return w.Jobs
}

// TestWorkflowMissesNoKernel: each job is a shard of the default matrix, which is
// in the order of kernels.json, and the merge runs whatever became of them: a job
// that died is a shard that is missing.
func TestWorkflowMissesNoKernel(t *testing.T) {
	jobs := workflow(t, "vmtest.yml")
	run, merge := jobs["vmtest"], jobs["merge"]
	require.False(t, *run.Strategy.FailFast)
	require.Equal(t, "vmtest", merge.Needs)
	require.Equal(t, "always()", merge.If)
	var sharded, kept, fetched, merged bool
	for _, s := range run.Steps {
		if strings.Contains(s.Run, `--shard $((INDEX + 1))/$TOTAL`) {
			sharded = s.Env["INDEX"] == "${{ strategy.job-index }}" && s.Env["TOTAL"] == "${{ strategy.job-total }}"
		}
		kept = kept || s.With["name"] == "vmtest-${{ matrix.kernel }}" && s.If == "always()"
	}
	for _, s := range merge.Steps {
		fetched = fetched || s.With["pattern"] == "vmtest-*" && s.With["path"] == "out/parts"
		merged = merged || s.Run == "make merge REPORTS='out/parts/*/report.json'"
	}
	require.Equal(t, []bool{true, true, true, true}, []bool{sharded, kept, fetched, merged})
}

// TestActionsArePinned: by commit, with the version beside it for people.
func TestActionsArePinned(t *testing.T) {
	use := regexp.MustCompile(`uses: (.*)`)
	pinned := regexp.MustCompile(`^actions/[a-z-]+@[0-9a-f]{40} # v[0-9.]+$`)
	for _, name := range []string{"ci.yml", "vmtest.yml"} {
		for _, m := range use.FindAllStringSubmatch(read(t, ".github/workflows/"+name), -1) {
			require.Regexp(t, pinned, m[1], name)
		}
	}
}

// TestDocsNameRealTargets: every make target that a page or a workflow names
// is there.
func TestDocsNameRealTargets(t *testing.T) {
	target := regexp.MustCompile("(?:`|run: |^)make ([a-z][a-z0-9-]*)")
	makefile := read(t, "Makefile")
	walk(t, func(path string) {
		if !strings.HasSuffix(path, ".md") && !strings.HasPrefix(path, ".github/") {
			return
		}
		for _, line := range strings.Split(read(t, path), "\n") {
			for _, m := range target.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
				require.Regexp(t, `(?m)^`+m[1]+`:`, makefile, path)
			}
		}
	})
}

// TestReadmesAreShort: a page that is read is short.
func TestReadmesAreShort(t *testing.T) {
	walk(t, func(path string) {
		if filepath.Base(path) == "README.md" {
			require.LessOrEqual(t, strings.Count(read(t, path), "\n"), 120, path)
		}
	})
}

// TestEveryPackageHasADoc: doc.go, or the comment of a command's main.
func TestEveryPackageHasADoc(t *testing.T) {
	documented := map[string]bool{}
	comment := regexp.MustCompile(`(?m)^// (Package|Command) [^\n]*\n(?://[^\n]*\n)*package `)
	walk(t, func(path string) {
		dir := filepath.Dir(path)
		if !strings.HasSuffix(path, ".go") || strings.Contains(path, "testdata/") {
			return
		}
		documented[dir] = documented[dir] || comment.MatchString(read(t, path))
	})
	for dir, ok := range documented {
		require.True(t, ok, "%s has no package comment", dir)
	}
}

// TestDeliverablesAreComplete: what every deliverable's folder holds.
func TestDeliverablesAreComplete(t *testing.T) {
	for folder, week := range map[string]string{
		"mini-container": "09-namespaces.md", "multi-tenant-cgroups": "10-cgroups.md",
		"bpf-tour": "11-bpftrace.md", "connsnoop": "12-connsnoop.md",
	} {
		for _, name := range []string{"doc.go", "README.md", "vmtest.json", "example_test.go", "cmd/" + folder} {
			_, err := os.Stat(filepath.Join(repo, folder, name))
			require.NoError(t, err)
		}
		require.Contains(t, read(t, "namespaces-cgroups-ebpf/weeks/"+week), folder)
		require.Contains(t, read(t, "README.md"), folder)
	}
}
