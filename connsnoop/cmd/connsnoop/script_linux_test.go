package main

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"connsnoop": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Condition:           condition,
	})
}

// exits CODE ARG...: run connsnoop and check its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: exits CODE [ARG...]")
	}
	err := ts.Exec("connsnoop", args[1:]...)
	code := "0"
	if err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("connsnoop exited with %s, want %s", code, args[0])
	}
}

// condition "notrace" holds where the kernel has no kprobes or the user is
// not root: connsnoop must then refuse.
func condition(name string) (bool, error) {
	if name != "notrace" {
		return false, nil
	}
	_, err := os.Stat("/sys/bus/event_source/devices/kprobe/type")
	return err != nil || os.Geteuid() != 0, nil
}
