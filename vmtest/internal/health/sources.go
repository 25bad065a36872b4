package health

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
)

// programs are what kernels are unpacked and disks are made with.
var programs = []string{"mmdebstrap", "unshare", "mke2fs", "depmod", "dpkg-deb", "dpkg-query", "apt-get"}

func tools(m Machine) doctor.Check {
	c := doctor.Check{ID: "tools", Title: "tools that make disks", Status: doctor.OK}
	var have, missing []string
	for _, name := range programs {
		if m.LookPath(name) == nil {
			have = append(have, name)
		} else {
			missing = append(missing, name)
		}
	}
	c.Value = strings.Join(have, " ")
	if len(missing) > 0 {
		c.Status, c.Detail, c.Remedy = doctor.Fail, "not found: "+strings.Join(missing, " "), install
	}
	return c
}

// namespaces tries what a build of an image begins with.
func namespaces(ctx context.Context, m Machine) doctor.Check {
	c := doctor.Check{ID: "namespaces", Title: "namespaces to build disks in", Status: doctor.OK, Value: "usable"}
	out, err := m.Run(ctx, image.Isolated("true")...)
	if err != nil {
		c.Status, c.Value, c.Detail = doctor.Fail, "", strings.TrimSpace(out)
		if c.Detail == "" {
			c.Detail = cause(err)
		}
		c.Remedy = "as root allow mount namespaces (in a container: --privileged); else install uidmap and put yourself into /etc/subuid and /etc/subgid"
	}
	return c
}

func keys(m Machine) doctor.Check {
	c := doctor.Check{ID: "keyring", Title: "keys of Debian's archive", Status: doctor.OK, Value: image.Keyring}
	if !m.Exists(image.Keyring) {
		c.Status, c.Value, c.Detail = doctor.Fail, "", "nothing that is fetched can be checked without them"
		c.Remedy = install
	}
	return c
}

// mirrors asks the mirrors in turn, through apt, which knows this machine's
// proxies. Without any there is still what the cache and a package directory
// hold.
func mirrors(ctx context.Context, m Machine, s Settings) doctor.Check {
	c := doctor.Check{ID: "mirrors", Title: "sources of packages", Status: doctor.OK}
	offline := "set VMTEST_MIRRORS to one that answers"
	if s.PackageDir != "" {
		offline += "; kernels also come from the package directory"
	}
	if s.MirrorsErr != nil {
		c.Status, c.Detail, c.Remedy = doctor.Warn, s.MirrorsErr.Error(), offline
		return c
	}
	var silent []string
	for _, mirror := range s.Mirrors {
		if answers(ctx, m, mirror) {
			c.Value = host(mirror)
			break
		}
		silent = append(silent, host(mirror))
	}
	switch {
	case c.Value == "":
		c.Status, c.Remedy = doctor.Warn, offline
		c.Detail = fmt.Sprintf("no answer within %v from %s", mirrorWait, strings.Join(silent, " "))
	case len(silent) > 0:
		c.Status, c.Detail = doctor.Warn, "no answer from "+strings.Join(silent, " ")
		c.Remedy = "nothing needs to be done: the next one is asked"
	}
	return c
}

func answers(ctx context.Context, m Machine, mirror string) bool {
	ctx, cancel := context.WithTimeout(ctx, mirrorWait)
	defer cancel()
	_, err := m.Run(ctx, "/usr/lib/apt/apt-helper", "-o", "Acquire::Retries=0", "download-file",
		mirror+"/dists/"+image.Base().Suite+"/InRelease", "/dev/stdout")
	return err == nil
}

// host is a mirror without user, password and path.
func host(mirror string) string {
	u, err := url.Parse(mirror)
	if err != nil {
		return "a mirror"
	}
	if u.Host == "" {
		return u.Scheme + ":"
	}
	return u.Host
}

func kernels(s Settings) doctor.Check {
	c := doctor.Check{ID: "kernels", Title: "kernels in the cache", Status: doctor.OK, Value: list(s.Cached.Series, "none")}
	if len(s.Cached.Missing) > 0 {
		c.Status, c.Detail = doctor.Warn, "to be fetched: "+strings.Join(s.Cached.Missing, " ")
		c.Remedy = "nothing needs to be done; vmtest kernels fetch gets them now"
	}
	return c
}

func images(s Settings) doctor.Check {
	c := doctor.Check{ID: "images", Title: "root disks in the cache", Status: doctor.OK, Value: list(s.Cached.Images, "none")}
	if len(s.Cached.Absent) > 0 {
		c.Status, c.Detail = doctor.Warn, "to be built: "+strings.Join(s.Cached.Absent, " ")
		c.Remedy = "nothing needs to be done; vmtest image build makes them now"
	}
	return c
}

func snapshots(s Settings) doctor.Check {
	return doctor.Check{ID: "snapshots", Title: "snapshots in the cache", Status: doctor.OK, Value: fmt.Sprint(s.Cached.Snapshots)}
}

func toolchain(s Settings) doctor.Check {
	c := doctor.Check{ID: "go", Title: "Go for the image build", Status: doctor.OK, Value: s.Cached.GoVersion}
	if s.Cached.GoErr != nil {
		c.Status, c.Detail = doctor.Warn, s.Cached.GoErr.Error()
		c.Remedy = "install Go and call vmtest inside of a module, if tests need to compile"
	}
	return c
}
