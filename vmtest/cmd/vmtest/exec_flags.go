package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"namespaces-cgroups-ebpf/vmtest"
)

// execFlags are the flags that exec and shell share.
type execFlags struct {
	vmtest.ExecConfig
	guest                 guestFlags
	kernels, mounts, gets []string
	user                  string
	verbose               bool
}

func (f *execFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows the command is the command's
	flags.StringArrayVar(&f.mounts, "mount", nil, "copy DIR[:TARGET] of this host into the guest, at its own path or TARGET; files too")
	flags.StringArrayVar(&f.Env, "env", nil, "set KEY=VALUE in the guest, or KEY to this host's value")
	flags.StringVar(&f.Dir, "dir", "", "working directory in the guest (default: this one, if it is mounted, else /)")
	flags.StringVar(&f.user, "user", "0", "UID[:GID] to run as")
	flags.StringArrayVar(&f.Modules, "module", nil, "load a kernel module first, by its name, or a file of this host")
	flags.StringArrayVar(&f.gets, "get", nil, "copy GUESTPATH:DIR to this host at the end")
	flags.StringVar(&f.Out, "out", "", "directory for each kernel's output, kernel log and console")
	flags.DurationVar(&f.Timeout, "timeout", 0, "send SIGQUIT after this long, then SIGKILL (default: none)")
	flags.Int64Var(&f.OutputLimitBytes, "output-limit", 0, "bytes of output to pass on per kernel (default: all)")
	flags.StringVar(&f.Image, "image", "base", "root disk: base, peers or build")
	flags.StringVar(&f.System, "system", "guest", "what is process 1: guest (a small init) or systemd")
	f.guest.add(flags, &f.Config)
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "tell what is downloaded and built (default: on a terminal)")
}

// config is what the flags and arguments ask for.
func (f *execFlags) config(cmd *cobra.Command, args []string) (vmtest.ExecConfig, error) {
	c := f.ExecConfig
	c.Kernels, c.Argv = f.kernels, args
	if len(c.Kernels) == 0 {
		return c, errors.New("--kernel is missing: name a series such as 6.12")
	}
	for _, value := range f.mounts {
		m, err := parseMount(value)
		if err != nil {
			return c, err
		}
		c.Mounts = append(c.Mounts, m)
	}
	for _, value := range f.gets {
		at := strings.LastIndexByte(value, ':')
		if at < 1 || at == len(value)-1 {
			return c, fmt.Errorf("--get %s: want GUESTPATH:DIR", value)
		}
		c.Gets = append(c.Gets, vmtest.ExecGet{Path: value[:at], Dir: value[at+1:]})
	}
	var err error
	if c.UID, c.GID, err = parseUser(f.user); err != nil {
		return c, err
	}
	if err := f.guest.read(&c.Config); err != nil {
		return c, err
	}
	if c.Timeout < 0 || c.OutputLimitBytes < 0 || c.Jobs < 0 {
		return c, errors.New("--timeout, --output-limit and --jobs cannot be negative")
	}
	if errOut, ok := cmd.ErrOrStderr().(*os.File); f.verbose || ok && term.IsTerminal(int(errOut.Fd())) {
		c.Log = func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), "vmtest: "+line) }
	}
	return c, nil
}

// parseMount reads DIR or DIR:TARGET. A name that is there as it stands may
// hold a colon.
func parseMount(value string) (vmtest.Mount, error) {
	if value == "" {
		return vmtest.Mount{}, errors.New("--mount: want DIR[:TARGET]")
	}
	if _, err := os.Stat(value); err == nil {
		return vmtest.Mount{Source: value}, nil
	}
	at := strings.LastIndex(value, ":/")
	if at < 0 {
		return vmtest.Mount{Source: value}, nil
	}
	if at == 0 {
		return vmtest.Mount{}, fmt.Errorf("--mount %s: want DIR[:TARGET]", value)
	}
	return vmtest.Mount{Source: value[:at], Target: value[at+1:]}, nil
}

// parseUser reads UID or UID:GID; names would be those of another machine.
func parseUser(value string) (uid, gid uint32, err error) {
	user, group, both := strings.Cut(value, ":")
	if !both {
		group = user
	}
	u, err := strconv.ParseUint(user, 10, 31)
	if err != nil {
		return 0, 0, fmt.Errorf("--user %s: want UID[:GID] in numbers", value)
	}
	g, err := strconv.ParseUint(group, 10, 31)
	if err != nil {
		return 0, 0, fmt.Errorf("--user %s: want UID[:GID] in numbers", value)
	}
	return uint32(u), uint32(g), nil
}

// minMemory is what a guest with its initramfs needs to come up.
const minMemory = 256 << 20

// parseSize reads a number of bytes with the suffix M or G, as QEMU does.
func parseSize(value string) (int64, error) {
	number, shift := value, 0
	for suffix, bits := range map[string]int{"M": 20, "G": 30} {
		if n, ok := strings.CutSuffix(strings.TrimSuffix(strings.ToUpper(value), "IB"), suffix); ok {
			number, shift = n, bits
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || shift == 0 || n < 1 || n<<shift < minMemory {
		return 0, fmt.Errorf("--memory %s: want a size such as 512M or 4G, 256M at least", value)
	}
	return n << shift, nil
}
