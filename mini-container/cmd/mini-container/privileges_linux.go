package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/pflag"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// privilegeFlags are the flags about what the command may do.
type privilegeFlags struct {
	privileges minicontainer.Privileges
	seccomp    string
	rlimits    []string
	sysctls    []string
	oomScore   int
	bind       []string
	connect    []string
}

func (f *privilegeFlags) add(flags *pflag.FlagSet) {
	p := &f.privileges
	flags.StringVar(&p.User, "user", "", "run as `USER[:GROUP]`, numbers or names of the container's /etc/passwd and /etc/group")
	flags.StringArrayVar(&p.AddCaps, "cap-add", nil, "also give `CAPABILITY` (net_raw, all); may be repeated")
	flags.StringArrayVar(&p.DropCaps, "cap-drop", nil, "take `CAPABILITY` away, before any is added; may be repeated")
	flags.StringArrayVar(&p.Ambient, "cap-ambient", nil, "give `CAPABILITY` also to a command that is not root; may be repeated")
	flags.BoolVar(&p.Privileged, "new-privs", false, "let programs gain privileges by being executed (set-user-ID, file capabilities)")
	flags.StringVar(&f.seccomp, "seccomp", "default", "system call filter: default, none, or an OCI profile in `FILE`")
	flags.StringArrayVar(&f.rlimits, "rlimit", nil, "set `NAME=SOFT[:HARD]` (nofile=1024); may be repeated")
	flags.IntVar(&f.oomScore, "oom-score-adj", 0, "`NUMBER` from -1000 (never) to 1000 (first) to be killed when memory is short")
	flags.StringArrayVar(&f.sysctls, "sysctl", nil, "set `NAME=VALUE` in the container's own namespaces; may be repeated")
	flags.StringVar(&p.AppArmor, "apparmor", "", "run under the loaded AppArmor `PROFILE`")
	flags.StringArrayVar(&p.Landlock.Read, "landlock-read", nil, "of all files, let `PATH` be read; may be repeated")
	flags.StringArrayVar(&p.Landlock.Execute, "landlock-exec", nil, "of all files, let `PATH` be read and executed; may be repeated")
	flags.StringArrayVar(&p.Landlock.Write, "landlock-write", nil, "of all files, let `PATH` be read and changed; may be repeated")
	flags.StringArrayVar(&f.bind, "landlock-bind", nil, "of all TCP ports, let `PORT` be bound; may be repeated")
	flags.StringArrayVar(&f.connect, "landlock-connect", nil, "of all TCP ports, let `PORT` be connected to; may be repeated")
}

// apply puts the flags into the configuration of a container.
func (f *privilegeFlags) apply(c *minicontainer.Container, flags *pflag.FlagSet) error {
	if flags.Changed("oom-score-adj") {
		f.privileges.OOMScore = &f.oomScore
	}
	for _, read := range []func() error{f.readSeccomp, f.readRlimits, f.readSysctls, f.readPorts} {
		if err := read(); err != nil {
			return err
		}
	}
	return f.privileges.Apply(c.Spec, &c.Extra)
}

func (f *privilegeFlags) readSeccomp() error {
	switch f.seccomp {
	case "default":
		return nil
	case "none":
		f.privileges.Unfiltered = true
		return nil
	}
	text, err := os.ReadFile(f.seccomp)
	if err != nil {
		return fmt.Errorf("read seccomp profile: %w", err)
	}
	if f.privileges.Seccomp, err = parseProfile(text); err != nil {
		return fmt.Errorf("parse seccomp profile %s: %w", f.seccomp, err)
	}
	return nil
}

// parseProfile takes what OCI knows and nothing else: Docker's own format has
// rules that hold under conditions ("includes"), and without those they would
// let everybody in.
func parseProfile(text []byte) (*specs.LinuxSeccomp, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	profile := &specs.LinuxSeccomp{}
	if err := decoder.Decode(profile); err != nil {
		return nil, fmt.Errorf("%w (wanted is the linux.seccomp part of an OCI configuration)", err)
	}
	if decoder.More() {
		return nil, errors.New("something follows the profile")
	}
	return profile, nil
}

func (f *privilegeFlags) readRlimits() error {
	for _, text := range f.rlimits {
		name, value, _ := strings.Cut(text, "=")
		soft, hard, both := strings.Cut(value, ":")
		if !both {
			hard = soft
		}
		limit := specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(name)}
		var err error
		if limit.Soft, err = limitValue(soft); err == nil {
			limit.Hard, err = limitValue(hard)
		}
		if err != nil {
			return fmt.Errorf("parse limit %q: want NAME=SOFT[:HARD]: %w", text, err)
		}
		f.privileges.Rlimits = append(f.privileges.Rlimits, limit)
	}
	return nil
}

func limitValue(text string) (uint64, error) {
	if text == "unlimited" {
		return ^uint64(0), nil
	}
	return strconv.ParseUint(text, 10, 64)
}

func (f *privilegeFlags) readSysctls() error {
	for _, text := range f.sysctls {
		name, value, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("sysctl %q is not NAME=VALUE", text)
		}
		if f.privileges.Sysctls == nil {
			f.privileges.Sysctls = map[string]string{}
		}
		f.privileges.Sysctls[name] = value
	}
	return nil
}

func (f *privilegeFlags) readPorts() error {
	rules := &f.privileges.Landlock
	for _, list := range []struct {
		texts []string
		into  *[]uint16
	}{{f.bind, &rules.Bind}, {f.connect, &rules.Connect}} {
		for _, text := range list.texts {
			port, err := strconv.ParseUint(text, 10, 16)
			if err != nil {
				return fmt.Errorf("%q is not a port", text)
			}
			*list.into = append(*list.into, uint16(port))
		}
	}
	return nil
}
