package vmtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// PassedEnv are the variables of the host that a command gets, if they are
// set. Nothing else of the host's environment goes into a guest unless it is
// named: it may hold secrets, and paths that mean nothing there.
var PassedEnv = []string{
	"TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI",
	"GOTRACEBACK", "GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GORACE", "GOCOVERDIR", "GO_TEST_TIMEOUT_SCALE",
}

// guestPath is PATH in a guest.
const guestPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// execEnv is the whole environment of a command: what every guest has, what is
// passed on, and what was asked for. Of two values the later one counts.
func execEnv(dir string, extra []string) ([]string, error) {
	env := []string{"PATH=" + guestPath, "HOME=/root", "TMPDIR=/tmp", "LANG=C.UTF-8", "VMTEST=1", "PWD=" + dir}
	for _, name := range PassedEnv {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, entry := range extra {
		name, _, assigned := strings.Cut(entry, "=")
		if name == "" || strings.ContainsRune(entry, 0) {
			return nil, fmt.Errorf("environment %q: want KEY=value or KEY", entry)
		}
		if !assigned {
			value, ok := os.LookupEnv(name)
			if !ok {
				continue // as it is here
			}
			entry = name + "=" + value
		}
		env = slices.DeleteFunc(env, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		env = append(env, entry)
	}
	return env, nil
}

// getenv returns a variable of a list.
func getenv(env []string, name string) string {
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
