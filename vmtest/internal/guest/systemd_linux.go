package guest

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// systemVariable is the variable, from the kernel's command line, that names
	// what becomes process 1; with systemd it is not us.
	systemVariable = "vmtest_system"
	systemd        = "systemd"
	systemdPath    = "/usr/lib/systemd/systemd"

	// runDir holds what our init hands on to our agent. It is below /run, which
	// systemd leaves alone when it is mounted already.
	runDir       = "/run/vmtest"
	agentPath    = runDir + "/agent"
	warningsPath = runDir + "/warnings"

	unitName = "vmtest-agent.service"
	unitDir  = "/run/systemd/system"
)

// agentUnit makes systemd start the agent.
//
//go:embed vmtest-agent.service
var agentUnit string

// beforeSystemd are the mounts of the contract that are made before systemd
// runs: one that has to hold the agent, and one that costs a tenth of the boot
// if systemd makes it (see withoutAutoload).
var beforeSystemd = []string{"/run", "/sys/fs/bpf"}

// maskedUnits only take time here: nobody logs in, and nothing draws.
var maskedUnits = []string{"systemd-logind.service", "modprobe@drm.service"}

// becomeSystemd boots up to the root disk and gives process 1 away. It returns
// only errors.
func (m *machine) becomeSystemd() error {
	program, err := os.Open(m.path("/init"))
	if err != nil {
		return fmt.Errorf("open agent: %w", err)
	}
	defer program.Close()
	// The initramfs is memory, of which the machine has enough for one copy.
	_ = os.Remove(m.path("/init"))
	if err := m.enterRoot(); err != nil {
		return err
	}
	m.warn(m.mountDisk(modulesDisk, modulesDisk.Target, optionalWait))
	if err := m.withoutAutoload(func() error { return m.mountAll(m.early()) }); err != nil {
		return err
	}
	if err := m.installAgent(program); err != nil {
		return err
	}
	env := []string{"HOME=/", "TERM=linux", "PATH=" + defaultPath}
	return fmt.Errorf("become systemd: %w", m.kernel.Exec(m.path(systemdPath), []string{systemdPath}, env))
}

// early lists the mounts of beforeSystemd.
func (m *machine) early() []Mount {
	return slices.DeleteFunc(slices.Clone(lateMounts), func(mount Mount) bool {
		return !slices.Contains(beforeSystemd, mount.Target)
	})
}

// installAgent puts the program, its unit and our warnings below /run.
func (m *machine) installAgent(program io.Reader) error {
	unit := m.path(unitDir + "/" + unitName)
	wanted := m.path(unitDir + "/multi-user.target.wants/" + unitName)
	for _, dir := range []string{m.path(runDir), filepath.Dir(wanted)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("install agent: %w", err)
		}
	}
	if err := writeProgram(m.path(agentPath), program); err != nil {
		return fmt.Errorf("install agent: %w", err)
	}
	if err := os.WriteFile(unit, []byte(agentUnit), 0o644); err != nil {
		return fmt.Errorf("install agent: %w", err)
	}
	if err := os.Symlink("../"+unitName, wanted); err != nil {
		return fmt.Errorf("install agent: %w", err)
	}
	for _, name := range maskedUnits {
		if err := os.Symlink("/dev/null", m.path(unitDir+"/"+name)); err != nil {
			return fmt.Errorf("mask unit: %w", err)
		}
	}
	warnings := []byte(strings.Join(m.warnings, "\n"))
	if err := os.WriteFile(m.path(warningsPath), warnings, 0o644); err != nil {
		return fmt.Errorf("install agent: %w", err)
	}
	return nil
}

func writeProgram(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, from); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
