package vmtest

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// execOutput is a file or a directory that the command leaves at a path which
// is the same on the host.
type execOutput struct {
	path string
	tree bool // everything below it
	// fresh keeps what is there already on both sides: only files that are new
	// in the guest come, and none takes the place of another.
	fresh bool
}

// keep plans to copy an output back, into a directory that the guest will have.
func (e *execution) keep(out execOutput) {
	dir := out.path
	if !out.tree {
		dir = filepath.Dir(dir)
	}
	for _, forbidden := range forbiddenTargets {
		if liesIn(out.path, forbidden) {
			return // -trace=/dev/null
		}
	}
	e.outputs = append(e.outputs, out)
	same := func(m Mount) bool { return m.Target == dir || m.Target == "" && m.Source == dir }
	if dir != "/" && !slices.ContainsFunc(e.Mounts, same) {
		e.Mounts = append(e.Mounts, Mount{Target: dir})
	}
}

// isGoTest tells whether a command is a test binary of Go. Such a binary has
// flags that begin with -test. and says of itself how it was built.
func isGoTest(name string, args []string) bool {
	isFlag := func(arg string) bool { return strings.HasPrefix(strings.TrimLeft(arg, "-"), "test.") && arg[0] == '-' }
	if !strings.HasSuffix(name, ".test") && !slices.ContainsFunc(args, isFlag) {
		return false
	}
	_, err := buildinfo.ReadFile(name)
	return err == nil
}

// locateGoTest mounts the module that the test is of, and plans to copy back
// what its flags name. The test is run where it is, with the flags it has.
func (e *execution) locateGoTest() error {
	e.quiet = true
	flags := testFlags(e.Argv[1:])
	if len(e.Kernels) > 1 && flags["testlogfile"] != "" {
		return errors.New("go test -exec takes one --kernel: the results of a second one would be taken for those of the first")
	}
	if checked, err := checkMounts(e.Mounts); err != nil {
		return err
	} else if !(&execution{ExecConfig: ExecConfig{Config: Config{Mounts: checked}}}).mounted(e.cwd) {
		e.Mounts = append(checked, Mount{Source: moduleRoot(e.cwd), Target: moduleRoot(e.cwd), withoutVCS: true})
	}
	for _, out := range testOutputs(flags, e.cwd) {
		if dir := filepath.Dir(out.path); !out.tree {
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return fmt.Errorf("go test writes %s, but there is no directory %s", out.path, dir)
			}
		}
		e.keep(out)
	}
	cache := flags["fuzzcachedir"]
	if info, err := os.Stat(cache); cache != "" && err == nil && info.IsDir() {
		e.Mounts = slices.DeleteFunc(e.Mounts, func(m Mount) bool { return m.Source == "" && m.Target == cache })
		e.Mounts = append(e.Mounts, Mount{Source: cache, Target: cache})
	}
	return nil
}

// moduleRoot is the nearest directory upward with a go.mod, else dir itself.
func moduleRoot(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// valueFlags of package testing that may stand apart from their value, as far
// as they matter here. Those of the go command always have an equals sign.
var valueFlags = append([]string{"outputdir", "testlogfile", "gocoverdir", "fuzz", "fuzzcachedir"}, fileFlags...)

// fileFlags name a file that is put into -test.outputdir.
var fileFlags = []string{"coverprofile", "cpuprofile", "memprofile", "blockprofile", "mutexprofile", "trace"}

// testFlags reads the flags of package testing, by name without "test.", as
// package flag would.
func testFlags(args []string) map[string]string {
	flags := map[string]string{}
	for i := 0; i < len(args); i++ {
		arg := strings.TrimPrefix(strings.TrimPrefix(args[i], "-"), "-")
		if arg == "" || arg == args[i] {
			break // "--", "-" or no flag
		}
		name, value, assigned := strings.Cut(arg, "=")
		name, isTest := strings.CutPrefix(name, "test.")
		if !isTest {
			continue
		}
		switch {
		case assigned:
		case slices.Contains(valueFlags, name) && i+1 < len(args):
			i++
			value = args[i]
		default:
			value = "true"
		}
		flags[name] = value
	}
	return flags
}

// testOutputs is what a test binary with these flags writes when it runs in
// dir (package testing, functions toOutputDir and before).
func testOutputs(flags map[string]string, dir string) []execOutput {
	var outputs []execOutput
	abs := func(base, path string) string {
		if filepath.IsAbs(path) {
			return filepath.Clean(path)
		}
		return filepath.Join(base, path)
	}
	outputDir := abs(dir, flags["outputdir"])
	for _, name := range fileFlags {
		if path := flags[name]; path != "" {
			outputs = append(outputs, execOutput{path: abs(outputDir, path)})
		}
	}
	if path := flags["testlogfile"]; path != "" {
		outputs = append(outputs, execOutput{path: abs(dir, path)})
	}
	if path := flags["gocoverdir"]; path != "" {
		outputs = append(outputs, execOutput{path: abs(dir, path), tree: true})
	}
	if on := flags["artifacts"]; on != "" && on != "false" && on != "0" {
		outputs = append(outputs, execOutput{path: filepath.Join(outputDir, "_artifacts"), tree: true})
	}
	if flags["fuzz"] != "" {
		outputs = append(outputs, execOutput{path: filepath.Join(dir, "testdata", "fuzz"), tree: true, fresh: true})
		if path := flags["fuzzcachedir"]; path != "" {
			outputs = append(outputs, execOutput{path: abs(dir, path), tree: true, fresh: true})
		}
	}
	return outputs
}
