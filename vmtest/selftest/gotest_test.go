//go:build selftest && linux

package selftest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module is a module whose tests are run in a guest.
var module = map[string]string{
	"go.mod":                "module example.test/guest\n\ngo 1.26\n",
	"code.go":               "package guest\n\nfunc Double(n int) int { return 2 * n }\n",
	"testdata/input":        "content",
	".git/config":           "not for the guest",
	"testdata/fuzz/FuzzX/1": "go test fuzz v1\n[]byte(\"a\")\n",
	"code_test.go": `package guest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMain(m *testing.M) {
	println("TestMain began")
	os.Exit(m.Run())
}

func TestHere(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil || wd != os.Getenv("WANT_DIR") {
		t.Error(wd, err)
	}
	if data, err := os.ReadFile("testdata/input"); err != nil || string(data) != "content" {
		t.Error(data, err)
	}
	if _, err := os.Stat(".git"); err == nil {
		t.Error(".git is here")
	}
	if os.Getenv("VMTEST") != "1" || os.Getenv("SECRET") != "" || Double(2) != 4 {
		t.Error(os.Environ())
	}
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "artifact"), []byte("kept"), 0o644); err != nil {
		t.Error(err)
	}
	os.WriteFile("code.go", nil, 0o644)
}

func TestFails(t *testing.T) { t.Error("on purpose") }

func TestPanics(t *testing.T) { panic("at the end") }

func BenchmarkDouble(b *testing.B) {
	for b.Loop() {
		Double(3)
	}
}

func FuzzX(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1 {
			t.Error("crash")
		}
	})
}
`,
}

// TestGoTestExec: go test works as on the host, and everything that its flags
// name is there afterwards.
func TestGoTestExec(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for name, content := range module {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	t.Setenv("SECRET", "hidden")
	goTest := func(kernel string, args ...string) (string, int) {
		runner := program() + " exec --kernel " + kernel + " --env WANT_DIR=" + dir + " --"
		cmd := exec.CommandContext(t.Context(), "go", append([]string{"test", "-exec", runner}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), codeOf(t, err)
	}
	out, code := goTest(series()[0], "-count=1", "-json", "-run", "TestHere", "-bench", ".", "-benchtime", "5x", "-artifacts",
		"-coverprofile=cover.out", "-cpuprofile=cpu.out", "-memprofile=mem.out", "-trace=trace.out", ".")
	require.Equal(t, 0, code, out)
	actions := map[string]string{}
	for line := range strings.Lines(out) {
		var event struct{ Action, Test string }
		require.NoError(t, json.Unmarshal([]byte(line), &event), "every line is an event: %s", line)
		if event.Action == "pass" || event.Action == "fail" {
			actions[event.Test] = event.Action
		}
	}
	require.Equal(t, map[string]string{"TestHere": "pass", "": "pass"}, actions, out)
	require.Contains(t, out, "TestMain began")
	require.Contains(t, out, `"Test":"BenchmarkDouble","Output":"BenchmarkDouble-2`)
	for _, name := range []string{"cover.out", "cpu.out", "mem.out", "trace.out"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotZero(t, info.Size(), name)
	}
	cover, err := os.ReadFile(dir + "/cover.out")
	require.NoError(t, err)
	require.Contains(t, string(cover), "example.test/guest/code.go:3.")
	artifacts, err := filepath.Glob(dir + "/_artifacts/TestHere/*/artifact")
	if len(artifacts) == 0 {
		artifacts, err = filepath.Glob(dir + "/_artifacts/*/artifact")
	}
	require.NoError(t, err)
	require.Len(t, artifacts, 1)
	source, err := os.ReadFile(dir + "/code.go")
	require.NoError(t, err)
	require.Equal(t, module["code.go"], string(source), "the host's file is as it was")

	out, code = goTest(series()[0], "-count=1", "-run", "TestFails|TestPanics", ".")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "code_test.go:34: on purpose")
	require.Contains(t, out, "panic: at the end")
	require.Contains(t, out, "guest.TestPanics(0x", "with its stack")

	// A crasher is found, and is there to be run again.
	out, code = goTest(series()[0], "-run", "NONE", "-fuzz", "FuzzX", "-fuzztime", "2m", ".")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "Failing input written to testdata/fuzz/FuzzX/")
	found, err := filepath.Glob(dir + "/testdata/fuzz/FuzzX/*")
	require.NoError(t, err)
	require.Len(t, found, 2)
}
