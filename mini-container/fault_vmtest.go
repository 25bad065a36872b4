//go:build vmtest && linux

package minicontainer

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// faultVariable asks for a fault before a step: "STEP:ACTION", where ACTION is
// kill (SIGKILL to whoever takes the step), hold (say so on standard output and
// stand still for ever) or the name of an error such as ENOSPC. It exists in
// the test binary only.
const faultVariable = "MINI_CONTAINER_FAULT"

func inject(step string) error {
	name, action, _ := strings.Cut(os.Getenv(faultVariable), ":")
	if name != step {
		return nil
	}
	switch action {
	case "kill":
		// PID 1 of a namespace cannot kill itself; exiting at once looks the
		// same from outside but for the status.
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		unix.Exit(137)
	case "hold":
		fmt.Fprintln(os.Stdout, "holding before", step)
		for {
			time.Sleep(time.Hour)
		}
	}
	for errno := unix.Errno(1); errno < 134; errno++ {
		if unix.ErrnoName(errno) == action {
			return fmt.Errorf("injected fault: %w", errno)
		}
	}
	return fmt.Errorf("unknown fault %q", action)
}

// faultEnv hands the wish on to the child.
func faultEnv() []string {
	if fault, ok := os.LookupEnv(faultVariable); ok {
		return []string{faultVariable + "=" + fault}
	}
	return nil
}
