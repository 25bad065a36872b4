package minicontainer

import (
	"errors"
	"fmt"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/landlock"
)

// lastSteps come when the supervisor has given its word, right before the
// exec: after them this process can do little more than become the command.
var lastSteps = []step[*setup]{
	{
		Step: Step{
			"landlock", ByChild, "give up access to files and ports that are not listed", "landlock(7)",
			"the command could reach what it has no need for", []string{"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"},
		},
		when: func(s *setup) bool { return !s.Extra.Landlock.Empty() },
		run:  func(s *setup) error { return restrict(s.Extra.Landlock) },
	},
	{
		Step: Step{
			"rlimits", ByChild, "set resource limits, after everything that they could hinder", "getrlimit(2)",
			"the command would have its caller's limits", []string{"prlimit64"},
		},
		run: setRlimits,
	},
	{
		Step: Step{
			"seccomp", ByChild, "let a filter decide about every system call from here on", "seccomp(2)",
			"a fault in any of 400 system calls would be in reach", []string{"seccomp"},
		},
		when: func(s *setup) bool { return s.Filter != nil && s.Spec.Process.NoNewPrivileges },
		run:  installFilter,
	},
}

// earlySeccomp: without no_new_privs only CAP_SYS_ADMIN may install a filter,
// so that must be done while it is there.
var earlySeccomp = step[*setup]{
	Step: Step{
		"seccomp-early", ByChild, "let a filter decide about system calls, before privileges are dropped", "seccomp(2)",
		"a fault in any of 400 system calls would be in reach", []string{"seccomp"},
	},
	when: func(s *setup) bool { return s.Filter != nil && !s.Spec.Process.NoNewPrivileges },
	run:  installFilter,
}

func installFilter(s *setup) error { return s.Filter.Install() }

func restrict(rules Landlock) error {
	err := landlock.Apply(rules)
	switch {
	case errors.Is(err, landlock.ErrUnsupported):
		return exitcode.With(exitcode.Unsupported, err)
	case errors.Is(err, unix.ENOENT):
		return exitcode.With(exitcode.Usage, err)
	}
	return err
}

// setRlimits goes through package syscall: Go raises its own limit of open
// files at the start and would put the old one back at the exec, but not if
// it has been told of a new one. Without one in the configuration it is the
// caller's, which the supervisor has raised likewise.
func setRlimits(s *setup) error {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("read limit of open files: %w", err)
	}
	if s.Files > 0 && s.Files <= files.Max {
		files.Cur = s.Files
	}
	if err := syscall.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("restore limit of open files: %w", err)
	}
	for _, limit := range s.Spec.Process.Rlimits {
		value := syscall.Rlimit{Cur: limit.Soft, Max: limit.Hard}
		if err := syscall.Setrlimit(rlimits[limit.Type], &value); err != nil {
			return rlimitError(limit, err)
		}
	}
	return nil
}

func rlimitError(limit specs.POSIXRlimit, err error) error {
	err = fmt.Errorf("set %s to %d:%d: %w", limit.Type, limit.Soft, limit.Hard, err)
	if errors.Is(err, unix.EPERM) {
		return exitcode.With(exitcode.Usage, fmt.Errorf("%w (a hard limit is raised with CAP_SYS_RESOURCE only)", err))
	}
	return err
}
