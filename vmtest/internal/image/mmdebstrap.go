package image

import (
	"fmt"
	"net/url"
	"strings"
)

// Keyring holds the keys of Debian's archive (package debian-archive-keyring);
// nothing else may sign what goes into an image. It stands in the source line,
// because mmdebstrap's --keyring only adds to the keys that it finds itself.
const Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// logTail is how many lines of a failed command's log go into its error.
const logTail = 12

// dpkgOptions keep out what no test reads; it would be a third of the disk.
var dpkgOptions = []string{
	"path-exclude=/usr/share/doc/*",
	"path-include=/usr/share/doc/*/copyright",
	"path-exclude=/usr/share/man/*",
	"path-exclude=/usr/share/info/*",
	"path-exclude=/usr/share/locale/*",
	"path-exclude=/usr/share/bash-completion/*",
	"path-exclude=/usr/share/lintian/*",
}

// mmdebstrap is the command line that unpacks the recipe's packages from mirror
// into the new directory tree. In a user namespace too the mode is root: the
// namespace is there already.
func (r Recipe) mmdebstrap(tree, mirror string, aptOptions []string) []string {
	argv := []string{
		"mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
		"--include=" + strings.Join(r.Packages, ","),
		`--aptopt=APT::Install-Recommends "false"`,
	}
	for _, o := range aptOptions {
		argv = append(argv, "--aptopt="+o)
	}
	for _, o := range dpkgOptions {
		argv = append(argv, "--dpkgopt="+o)
	}
	source := fmt.Sprintf("deb [signed-by=%s] %s %s main", Keyring, mirror, r.Suite)
	return append(argv, r.Suite, tree, source)
}

// acquireOptions picks, from the output of "apt-config dump Acquire", how the
// machine reaches its mirrors. Everything else is about its own package lists.
func acquireOptions(dump string) []string {
	prefixes := []string{"http::", "https::", "check-", "retries", "forceipv"}
	var options []string
	for _, line := range strings.Split(dump, "\n") {
		line = strings.TrimSuffix(strings.TrimSpace(line), ";")
		name, ok := strings.CutPrefix(strings.ToLower(line), "acquire::")
		if !ok || strings.HasSuffix(line, `""`) {
			continue
		}
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				options = append(options, line)
			}
		}
	}
	return options
}

// explain turns a failed command's log into an error that says what to do.
func explain(log string, euid int, err error) error {
	var hint string
	switch {
	case strings.Contains(log, "No space left on device"):
		hint = "no space left on the cache's file system: "
	case strings.Contains(log, "unshare: ") && euid == 0:
		hint = "root here may not make namespaces (CAP_SYS_ADMIN; in a container: --privileged): "
	case strings.Contains(log, "unshare: "), strings.Contains(log, "newuidmap"):
		hint = "without root this needs user namespaces, the package uidmap and ids in /etc/subuid and /etc/subgid: "
	case strings.Contains(log, "Unable to locate package"):
		hint = "the mirror does not have all packages: "
	case strings.Contains(log, "NO_PUBKEY"), strings.Contains(log, "is not signed"):
		hint = "the mirror is not signed by Debian's archive key: "
	case strings.Contains(log, "Failed to fetch"):
		hint = "the mirror does not answer (name others with VMTEST_MIRRORS, or a cache that has the image with VMTEST_CACHE): "
	}
	return fmt.Errorf("%s%w\n%s", hint, err, tail(log, logTail))
}

// withoutUser takes name and password out of a mirror's URI for messages.
func withoutUser(mirror string) string {
	u, err := url.Parse(mirror)
	if err != nil {
		return "the mirror"
	}
	u.User = nil
	return u.String()
}
