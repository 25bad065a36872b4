package minicontainer

import (
	"errors"
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/mini-container/internal/account"
	"namespaces-cgroups-ebpf/mini-container/internal/sysctl"
)

// checkPrivileges looks at what the last steps before the exec will do.
func checkPrivileges(spec *specs.Spec) error {
	for _, limit := range spec.Process.Rlimits {
		if _, known := rlimits[limit.Type]; !known {
			return fmt.Errorf("unknown resource limit %q", limit.Type)
		}
		if limit.Soft > limit.Hard {
			return fmt.Errorf("resource limit %s: soft %d is over hard %d", limit.Type, limit.Soft, limit.Hard)
		}
	}
	if score := spec.Process.OOMScoreAdj; score != nil && (*score < -1000 || *score > 1000) {
		return fmt.Errorf("oom_score_adj %d is not in -1000..1000", *score)
	}
	if strings.ContainsAny(spec.Process.ApparmorProfile, " \n\x00") {
		return fmt.Errorf("AppArmor profile %q is not a name", spec.Process.ApparmorProfile)
	}
	for name := range spec.Linux.Sysctl {
		if _, err := sysctlPath(spec, name); err != nil {
			return err
		}
	}
	return nil
}

func sysctlPath(spec *specs.Spec, name string) (string, error) {
	return sysctl.Path(name, func(namespace string) bool {
		return hasNamespace(spec, specs.LinuxNamespaceType(namespace))
	})
}

// validate checks what OCI has no word for.
func (e Extra) validate(spec *specs.Spec) error {
	if e.User != "" {
		if _, err := account.Parse(e.User); err != nil {
			return err
		}
	}
	if !e.Landlock.Empty() && !spec.Process.NoNewPrivileges {
		return errors.New("landlock needs no_new_privs")
	}
	return e.Landlock.Validate()
}
