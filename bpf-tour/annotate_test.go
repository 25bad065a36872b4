package bpftour_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
)

var update = flag.Bool("update", false, "write the pages of the recipes")

// TestPages holds recipes/*.md to the recorded runs in testdata/recorded.
func TestPages(t *testing.T) {
	for _, r := range bpftour.Recipes() {
		t.Run(r.Name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "recorded", r.Name+".json"))
			require.NoError(t, err)
			result, err := bpftour.DecodeResult(data)
			require.NoError(t, err)
			var page strings.Builder
			require.NoError(t, bpftour.Annotate(&page, r, result))
			file := filepath.Join("recipes", r.Name+".md")
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(page.String()), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), page.String(), "run: go test ./bpf-tour -run TestPages -update")
		})
	}
}

func TestAnnotateRefuses(t *testing.T) {
	r := lookup(t, "opensnoop")
	good := bpftour.Result{Recipe: r.Name, RecipeSHA256: r.SHA256(), Complete: true}
	tests := []struct {
		name, want string
		change     func(*bpftour.Result)
	}{
		{"other recipe", "is of recipe x", func(b *bpftour.Result) { b.Recipe = "x" }},
		{"older recipe", "has changed", func(b *bpftour.Result) { b.RecipeSHA256 = "0" }},
		{"incomplete", "incomplete or empty", func(b *bpftour.Result) { b.Complete = false }},
		{"empty", "incomplete or empty", func(b *bpftour.Result) { b.Empty = true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := good
			tt.change(&bad)
			require.ErrorContains(t, bpftour.Annotate(&strings.Builder{}, r, &bad), tt.want)
		})
	}
	_, err := bpftour.DecodeResult([]byte(`{"schema":"recipe-result/v1"}`))
	require.ErrorContains(t, err, "validate recipe-result/v1")
}
