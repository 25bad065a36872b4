package qemu

import (
	"os/exec"
	"regexp"
)

var versionForm = regexp.MustCompile(`version (\S+)`)

// Version of the installed QEMU, "unknown" if it does not say.
func Version() string {
	out, err := exec.Command(Binary, "--version").Output()
	if err != nil {
		return "unknown"
	}
	if m := versionForm.FindSubmatch(out); m != nil {
		return string(m[1])
	}
	return "unknown"
}
