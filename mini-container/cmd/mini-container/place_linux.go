package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// placeFlags say where a container is to be on the machine.
type placeFlags struct {
	id, cgroup      string
	cgroupParent    string
	network, bridge string
	subnet, subnet6 string
	nat             bool
}

func (f *placeFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.id, "id", "", "`NAME` by which other commands find the container; default is random")
	flags.StringVar(&f.cgroup, "cgroup", "auto", "a cgroup of its own at `PATH`, auto for one if that is possible, or none")
	flags.StringVar(&f.cgroupParent, "cgroup-parent", "", "`PATH` of a cgroup that was delegated to you: the container's is made below it")
	flags.StringVar(&f.network, "network", string(network.Loopback), "`MODE`: none, loopback, bridge (root) or host")
	flags.StringVar(&f.bridge, "bridge", network.DefaultBridge, "with --network bridge: `NAME` of the bridge; the first container makes it, the last removes it")
	flags.StringVar(&f.subnet, "subnet", network.DefaultSubnet, "with --network bridge: `CIDR` to take the address from")
	flags.StringVar(&f.subnet6, "subnet6", subnet6None, "with --network bridge: `CIDR` to take an IPv6 address from as well; auto is "+network.DefaultSubnet6)
	flags.BoolVar(&f.nat, "nat", false, "with --network bridge: let it out with the host's address (nftables, forwarding)")
}

// networkOptions turns the flags into what the container is given.
func (f *placeFlags) networkOptions() (minicontainer.Network, error) {
	mode, err := network.ParseMode(f.network)
	if err != nil {
		return minicontainer.Network{}, err
	}
	if mode != network.Bridge {
		if f.nat {
			return minicontainer.Network{}, errors.New("--nat needs --network bridge")
		}
		if f.subnet6 != subnet6None {
			return minicontainer.Network{}, errors.New("--subnet6 needs --network bridge")
		}
		return minicontainer.Network{Mode: mode}, nil
	}
	subnet, err := netip.ParsePrefix(f.subnet)
	if err != nil {
		return minicontainer.Network{}, fmt.Errorf("--subnet %q: %w", f.subnet, err)
	}
	subnet6, err := f.parseSubnet6()
	if err != nil {
		return minicontainer.Network{}, err
	}
	c := network.Config{Bridge: f.bridge, Subnet: subnet, Subnet6: subnet6, NAT: f.nat}
	return minicontainer.Network{Mode: mode, Config: c}, c.Check()
}

// subnet6None is no IPv6, see --subnet6.
const subnet6None = "none"

func (f *placeFlags) parseSubnet6() (netip.Prefix, error) {
	text := f.subnet6
	switch text {
	case subnet6None:
		return netip.Prefix{}, nil
	case "auto":
		text = network.DefaultSubnet6
	}
	subnet, err := netip.ParsePrefix(text)
	if err != nil {
		return subnet, fmt.Errorf("--subnet6 %q: want none, auto or a CIDR: %w", f.subnet6, err)
	}
	return subnet, nil
}

// apply fills in the container; limits and a chosen path need a cgroup.
func (f *placeFlags) apply(c *minicontainer.Container, s *store) error {
	var err error
	if c.Extra.Network, err = f.networkOptions(); err != nil {
		return err
	}
	if f.cgroupParent != "" && (f.cgroup != "auto" || !filepath.IsAbs(f.cgroupParent)) {
		return errors.New("--cgroup-parent takes an absolute path in the hierarchy, and excludes --cgroup")
	}
	c.CgroupParent = f.cgroupParent
	switch f.cgroup {
	case "auto":
	case "none":
		c.Cgroup = minicontainer.CgroupNone
		if c.Spec.Linux.Resources != nil {
			return errors.New("limits need a cgroup: not with --cgroup none")
		}
	default:
		c.Spec.Linux.CgroupsPath = f.cgroup
	}
	c.ID = f.id
	if f.id != "" {
		if err := state.CheckID(f.id); err != nil {
			return err
		}
	}
	needed := f.id != "" || s.dir != "" || c.Detached || c.Extra.Network.Mode == network.Bridge
	if c.State, err = s.open(); err != nil && needed {
		return err
	}
	return nil // without, nobody will find it, and nobody asked to
}

// store is where the state directory is, as a flag or by default.
type store struct {
	dir   string
	heard *signals // nil if nobody has begun to listen
}

func (s *store) open() (*state.Store, error) {
	dir, err := s.dir, error(nil)
	if dir == "" {
		dir, err = state.RootFor(os.Geteuid(), os.Getenv("XDG_RUNTIME_DIR"))
	} else {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, exitcode.With(exitcode.Usage, err)
	}
	st, err := state.Open(dir)
	return st, exitcode.With(exitcode.Usage, err)
}
