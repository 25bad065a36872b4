package minicontainer

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// Exit codes that shells use for a command that could not be started.
const (
	codeNotExecutable = 126
	codeNotFound      = 127
)

// findCommand looks the command up before anything is let go, along the PATH
// that the command itself will have.
func findCommand(s *setup) error {
	name := s.Spec.Process.Args[0]
	found, err := lookPath(name, lookupEnv(s.Spec.Process.Env, "PATH"), checkExecutable)
	if err != nil {
		return err
	}
	s.command = found
	return nil
}

// lookPath is execvp(3): a name with a slash is a path, else the directories
// of PATH are tried. A file that is there but may not be run is remembered
// and reported only if nothing better follows.
func lookPath(name, pathList string, check func(string) error) (string, error) {
	if strings.Contains(name, "/") {
		return name, check(name)
	}
	notFound := exitcode.With(codeNotFound, fmt.Errorf("find command %q: not in PATH %s", name, pathList))
	for _, dir := range strings.Split(pathList, ":") {
		candidate := path.Join(orDefault(dir, "."), name)
		err := check(candidate)
		if err == nil {
			return candidate, nil
		}
		if exitcode.Of(err) == codeNotExecutable {
			notFound = err
		}
	}
	return "", notFound
}

// checkExecutable refuses magic links too: run as /proc/self/exe, the command
// would be the host's own binary (CVE-2019-5736).
func checkExecutable(name string) error {
	fd, err := unix.Openat2(unix.AT_FDCWD, name, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return execError(name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return execError(name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return exitcode.With(codeNotExecutable, fmt.Errorf("run %s: not a regular file", name))
	}
	if err := unix.Faccessat(unix.AT_FDCWD, name, unix.X_OK, 0); err != nil {
		return execError(name, err)
	}
	return nil
}

// execError gives an error of execve(2), or of the look-up before it, the
// exit code that shells use.
func execError(name string, err error) error {
	err = fmt.Errorf("run %s: %w", name, err)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return exitcode.With(codeNotFound, err)
	}
	return exitcode.With(codeNotExecutable, err)
}
