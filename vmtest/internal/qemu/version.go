package qemu

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"time"
)

// versionDeadline bounds a QEMU that does not even print its version.
const versionDeadline = 10 * time.Second

var versionForm = regexp.MustCompile(`version (\S+)`)

// Version of the installed QEMU, "unknown" if it does not say.
func Version() string {
	ctx, cancel := context.WithTimeout(context.Background(), versionDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, Binary, "--version")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "unknown"
	}
	if m := versionForm.FindSubmatch(out); m != nil {
		return string(m[1])
	}
	return "unknown"
}

// Installed is an error that says what to do if there is no QEMU.
func Installed() error {
	if _, err := exec.LookPath(Binary); err != nil {
		return fmt.Errorf("find QEMU: %w (ci/install-deps.sh installs it)", err)
	}
	return nil
}
