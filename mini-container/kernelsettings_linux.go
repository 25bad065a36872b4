package minicontainer

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

func setSysctls(s *setup) error {
	for name, value := range s.Spec.Linux.Sysctl {
		path, err := sysctlPath(s.Spec, name)
		if err != nil {
			return exitcode.With(exitcode.Usage, err)
		}
		if err := s.writeProc("sys/"+path, value); err != nil {
			return exitcode.With(exitcode.Usage, fmt.Errorf("set sysctl %s: %w", name, err))
		}
	}
	return nil
}

func setOOMScore(s *setup) error {
	if err := s.writeProc("self/oom_score_adj", strconv.Itoa(*s.Spec.Process.OOMScoreAdj)); err != nil {
		return exitcode.With(exitcode.Usage, fmt.Errorf("set oom_score_adj (lower than now needs CAP_SYS_RESOURCE): %w", err))
	}
	return nil
}

// appArmorSwitch says whether the kernel has AppArmor, and has it on.
const appArmorSwitch = "/sys/module/apparmor/parameters/enabled"

// enterAppArmor names the profile that the exec will put on the command.
func enterAppArmor(s *setup) error {
	profile := s.Spec.Process.ApparmorProfile
	if text, err := os.ReadFile(appArmorSwitch); err != nil || strings.TrimSpace(string(text)) != "Y" {
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("apply AppArmor profile %s: AppArmor is not enabled on this kernel", profile))
	}
	if err := s.writeProc("thread-self/attr/apparmor/exec", "exec "+profile); err != nil {
		return exitcode.With(exitcode.Usage, fmt.Errorf("apply AppArmor profile %s (is it loaded?): %w", profile, err))
	}
	return nil
}

// needsProc tells whether a command that joins has to write to /proc first.
func needsProc(s *setup) bool {
	return s.Spec.Process.OOMScoreAdj != nil || s.Spec.Process.ApparmorProfile != ""
}
