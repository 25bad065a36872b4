package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pollInterval is short since every boot waits for it at least once or twice.
const pollInterval = 5 * time.Millisecond

// findDisk returns the kernel's name ("vda") of the virtio disk with this
// serial, "" when there is none (yet).
func findDisk(sysRoot, serial string) string {
	files, _ := filepath.Glob(filepath.Join(sysRoot, "block", "vd*", "serial"))
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(data)) == serial {
			return filepath.Base(filepath.Dir(file))
		}
	}
	return ""
}

// findPort returns the kernel's name ("vport1p1") of the virtio-serial port
// with this name, "" when there is none (yet).
func findPort(sysRoot, name string) string {
	files, _ := filepath.Glob(filepath.Join(sysRoot, "class", "virtio-ports", "*", "name"))
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(data)) == name {
			return filepath.Base(filepath.Dir(file))
		}
	}
	return ""
}

// await polls find until it returns a name. Devices appear asynchronously.
func await(what string, limit time.Duration, find func() string) (string, error) {
	deadline := time.Now().Add(limit)
	for {
		if name := find(); name != "" {
			return name, nil
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("wait for %s: none after %v", what, limit)
		}
		time.Sleep(pollInterval)
	}
}
