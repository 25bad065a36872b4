//go:build selftest && linux

package selftest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repo is the checkout, with everything built in bin/.
var repo, _ = filepath.Abs("../..")

// TestMain refuses to run without what `make build` makes: a suite that cannot
// run is not green.
func TestMain(m *testing.M) {
	if _, err := os.Stat(program()); err != nil {
		fmt.Fprintln(os.Stderr, "selftest: no bin/vmtest: run make selftest")
		os.Exit(1)
	}
	flag.Parse()
	if *record {
		if err := recordCleanBoots(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "selftest:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// program is the vmtest command under test.
func program() string { return filepath.Join(repo, "bin", "vmtest") }

// guestInit is what its guests run as process 1.
func guestInit() string { return program() + "-init" }

// series are the kernels to test on: VMTEST_SELFTEST_KERNELS, or the oldest and
// the one of Debian 13.
func series() []string {
	if list := os.Getenv("VMTEST_SELFTEST_KERNELS"); list != "" {
		return strings.Split(list, ",")
	}
	return []string{"5.10", "6.12"}
}

// twoSeries are two kernels, for what is about more than one.
func twoSeries() []string {
	list := series()
	for _, other := range []string{"5.10", "6.12"} {
		if len(list) == 1 && list[0] != other {
			list = append(list, other)
		}
	}
	return list
}
