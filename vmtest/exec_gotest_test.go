package vmtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTestFlags(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want map[string]string
	}{
		{"none", nil, map[string]string{}},
		{"go test", []string{"-test.paniconexit0", "-test.timeout=10m0s", "-test.v=test2json", "-test.coverprofile=/c"},
			map[string]string{"paniconexit0": "true", "timeout": "10m0s", "v": "test2json", "coverprofile": "/c"}},
		{"two dashes, apart", []string{"--test.trace", "t.out", "-test.v", "-test.outputdir", "d"},
			map[string]string{"trace": "t.out", "v": "true", "outputdir": "d"}},
		{"those of the test", []string{"-mine=-test.trace=x", "-test.v"}, map[string]string{"v": "true"}},
		{"after the flags", []string{"-test.v", "--", "-test.trace=x"}, map[string]string{"v": "true"}},
		{"arguments", []string{"x", "-test.trace=x"}, map[string]string{}},
		{"dash", []string{"-", "-test.trace=x"}, map[string]string{}},
		{"value with equals", []string{"-test.trace=a=b"}, map[string]string{"trace": "a=b"}},
		{"value missing", []string{"-test.trace"}, map[string]string{"trace": "true"}},
		{"last one counts", []string{"-test.trace=a", "-test.trace=b"}, map[string]string{"trace": "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, testFlags(tt.args)) })
	}
}

func FuzzTestFlags(f *testing.F) {
	f.Add("-test.trace", "--", "-test.v=x")
	f.Add("", "-", "---test.x")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, out := range testOutputs(testFlags([]string{a, b, c}), "/src") {
			require.True(t, filepath.IsAbs(out.path))
			require.Equal(t, filepath.Clean(out.path), out.path)
		}
		isGoTest("/nonexistent", []string{a, b, c})
	})
}

func TestTestOutputs(t *testing.T) {
	tests := []struct {
		name  string
		flags map[string]string
		want  []execOutput
	}{
		{"none", map[string]string{"v": "true", "artifacts": "false"}, nil},
		{"profiles", map[string]string{"outputdir": "/o", "coverprofile": "/tmp/c", "cpuprofile": "cpu", "trace": "../t", "testlogfile": "/tmp/log"},
			[]execOutput{{path: "/tmp/c"}, {path: "/o/cpu"}, {path: "/t"}, {path: "/tmp/log"}}},
		{"no output directory", map[string]string{"memprofile": "m", "blockprofile": "b", "mutexprofile": "mu"},
			[]execOutput{{path: "/src/m"}, {path: "/src/b"}, {path: "/src/mu"}}},
		{"coverage directory", map[string]string{"gocoverdir": "cover"}, []execOutput{{path: "/src/cover", tree: true}}},
		{"artifacts", map[string]string{"artifacts": "true", "outputdir": "o"}, []execOutput{{path: "/src/o/_artifacts", tree: true}}},
		{"fuzzing", map[string]string{"fuzz": "FuzzX", "fuzzcachedir": "/cache"},
			[]execOutput{{"/src/testdata/fuzz", true, true}, {"/cache", true, true}}},
		{"cache without fuzzing", map[string]string{"fuzzcachedir": "/cache"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, testOutputs(tt.flags, "/src")) })
	}
}

// TestLocateGoTest runs it on this test's own binary.
func TestLocateGoTest(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	require.True(t, isGoTest(self, nil))
	require.True(t, isGoTest(self, []string{"-test.v"}))
	require.False(t, isGoTest("/bin/sh", []string{"-test.v"}), "no program of Go")
	require.False(t, isGoTest("/nonexistent.test", nil))

	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, path := range []string{"module/pkg", "out", "cache"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, path), 0o755))
	}
	require.NoError(t, os.WriteFile(dir+"/module/go.mod", []byte("module x\n"), 0o644))
	t.Chdir(dir + "/module/pkg")
	t.Setenv("GOCOVERDIR", "")
	config := func(args ...string) ExecConfig {
		return ExecConfig{Kernels: []string{"6.12"}, Argv: append([]string{self}, args...)}
	}
	e, err := newExecution(config("-test.testlogfile="+dir+"/out/log", "-test.fuzz=X", "-test.fuzzcachedir="+dir+"/cache",
		"-test.trace=/dev/null", "-test.cpuprofile=cpu"))
	require.NoError(t, err)
	require.True(t, e.quiet)
	require.Equal(t, dir+"/module/pkg", e.Dir)
	require.Equal(t, []Mount{
		{Source: dir + "/cache", Target: dir + "/cache"},
		{Source: dir + "/module", Target: dir + "/module", withoutVCS: true},
		{Target: dir + "/module/pkg"}, {Target: dir + "/module/pkg/testdata/fuzz"}, {Target: dir + "/out"},
	}, e.Mounts)
	require.Equal(t, []execOutput{
		{path: dir + "/module/pkg/cpu"}, {path: dir + "/out/log"},
		{dir + "/module/pkg/testdata/fuzz", true, true}, {dir + "/cache", true, true},
	}, e.outputs, "nothing is copied to a device")

	c := config("-test.v")
	c.Mounts = []Mount{{Source: "."}}
	e, err = newExecution(c)
	require.NoError(t, err)
	require.Equal(t, []Mount{{Source: ".", Target: dir + "/module/pkg"}}, e.Mounts, "what was named is enough")

	_, err = newExecution(config("-test.trace=/nonexistent/t"))
	require.ErrorContains(t, err, "there is no directory /nonexistent")
	c = config("-test.testlogfile=" + dir + "/out/log")
	c.Kernels = append(c.Kernels, "5.10")
	_, err = newExecution(c)
	require.ErrorContains(t, err, "go test -exec takes one --kernel")
	require.Equal(t, "/", moduleRoot("/"), "no module")
}
