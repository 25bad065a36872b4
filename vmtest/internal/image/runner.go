package image

import (
	"context"
	"fmt"
	"io"
)

// command is a program to run to its end, with stdout and stderr in one stream.
type command struct {
	argv   []string
	env    []string // in addition to this process's
	output io.Writer
}

// runner runs a command; cancelling ctx must end all of its processes.
type runner func(ctx context.Context, c command) error

// Owner is who files belong to in a file system; the zero value is root.
type Owner struct{ UID, GID uint32 }

// ownerPrefix makes the caller's files those of owner, as seen by the command
// after it, which may read them all.
func ownerPrefix(euid int, owner Owner) []string {
	switch {
	case owner != Owner{}:
		return []string{"unshare", "--user", "--keep-caps", fmt.Sprintf("--map-user=%d", owner.UID), fmt.Sprintf("--map-group=%d", owner.GID)}
	case euid == 0:
		return nil
	}
	return []string{"unshare", "--user", "--map-root-user"}
}

// rootPrefix gives the command after it mount and PID namespaces of its own,
// and to a caller who is not root all the ids of a system. The kernel ends
// everything in the PID namespace once its first process is gone.
func rootPrefix(euid int) []string {
	prefix := []string{"unshare"}
	if euid != 0 {
		prefix = append(prefix, "--user", "--map-root-user", "--map-auto")
	}
	return append(prefix, "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--")
}
