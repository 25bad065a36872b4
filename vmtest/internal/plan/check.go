package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/internal/kernel"
	"namespaces-cgroups-ebpf/schemas"
)

// check returns what is wrong with a plan that fits its schema.
func check(folder string, p Plan) []error {
	var wrong []error
	if p.Deliverable != folder {
		wrong = append(wrong, fmt.Errorf("deliverable is %q in folder %q", p.Deliverable, folder))
	}
	seen := map[string]bool{}
	for _, e := range p.Entries {
		if seen[e.ID] {
			wrong = append(wrong, fmt.Errorf("entry %s is there twice", e.ID))
		}
		seen[e.ID] = true
		for _, err := range slices.Concat(checkArgv(e), checkNeeds(e), checkArtifacts(e)) {
			wrong = append(wrong, fmt.Errorf("entry %s: %w", e.ID, err))
		}
	}
	return wrong
}

// checkArgv holds Go tests to what makes their result readable: without
// -test.v=test2json there is no record of single tests, and without -test.run
// the unit tests in the same binary run too.
func checkArgv(e Entry) []error {
	if e.Result != ResultGoTest {
		return nil
	}
	var wrong []error
	if want := e.Deliverable + ".test"; e.Argv[0] != want {
		wrong = append(wrong, fmt.Errorf("argv[0] is %q, want %q for a gotest", e.Argv[0], want))
	}
	if !slices.Contains(e.Argv[1:], "-test.v=test2json") {
		wrong = append(wrong, errors.New("argv has no -test.v=test2json"))
	}
	return append(wrong, checkRun(e.Argv[1:])...)
}

func checkRun(args []string) []error {
	var wrong []error
	found := 0
	for _, arg := range args {
		pattern, ok := strings.CutPrefix(arg, "-test.run=")
		if !ok {
			continue
		}
		found++
		if pattern == "" {
			wrong = append(wrong, errors.New("-test.run names no test"))
		}
		if _, err := regexp.Compile(pattern); err != nil {
			wrong = append(wrong, fmt.Errorf("-test.run: %w", err))
		}
	}
	if found != 1 {
		wrong = append(wrong, fmt.Errorf("argv has %d -test.run=PATTERN, want 1", found))
	}
	return wrong
}

func checkNeeds(e Entry) []error {
	var wrong []error
	for _, f := range e.Needs.Features {
		if _, err := kernel.Since(f); err != nil {
			wrong = append(wrong, err)
		}
	}
	return wrong
}

func checkArtifacts(e Entry) []error {
	var wrong []error
	seen := map[string]bool{}
	for _, a := range e.Artifacts {
		switch {
		case seen[a.Path]:
			wrong = append(wrong, fmt.Errorf("artifact %s is there twice", a.Path))
		case a.Path == Stdout && e.Result == ResultGoTest:
			wrong = append(wrong, errors.New("artifact - is standard output, which a gotest writes its results to"))
		case a.Path != Stdout && !fs.ValidPath(a.Path):
			wrong = append(wrong, fmt.Errorf("artifact %s is no clean path below VMTEST_OUT", a.Path))
		case !slices.Contains(schemas.Names(), a.Schema):
			wrong = append(wrong, fmt.Errorf("artifact %s: no schema called %q", a.Path, a.Schema))
		}
		seen[a.Path] = true
	}
	return wrong
}
