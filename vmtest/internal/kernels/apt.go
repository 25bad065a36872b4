package kernels

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// aptConf makes apt work on one directory and one source, without root and
// without the machine's lists, pins and hooks. What the machine says about
// proxies stays in force.
const aptConf = `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::AllowReleaseInfoChange "true";
Acquire::Retries "2";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
Dir::State "{dir}";
Dir::State::lists "{dir}/lists";
Dir::State::status "{dir}/status";
Dir::Cache "{dir}";
Dir::Cache::archives "{dir}/archives";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "";
Dir::Log "{dir}";
Dir::Etc::sourcelist "{dir}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "/dev/null";
`

// apt is a private apt over one suite of one mirror.
type apt struct {
	dir     string // state directory, absolute
	uri     string
	suite   string
	expired bool   // the Release file may be past its Valid-Until
	keyring string // absolute path
	run     Runner
}

// source is the line for sources.list. Nothing but the package index is
// asked for.
func (a apt) source() string {
	options := "arch=amd64 targets=Packages pdiffs=no signed-by=" + a.keyring
	if a.expired {
		options += " check-valid-until=no"
	}
	return fmt.Sprintf("deb [%s] %s %s main\n", options, a.uri, a.suite)
}

// prepare writes the directory that the configuration names.
func (a apt) prepare() error {
	if strings.ContainsAny(a.dir, "\"\n") || strings.ContainsAny(a.keyring, " \t\n]") {
		return fmt.Errorf("configure apt: cache or keyring path holds a quote or a blank: %q, %q", a.dir, a.keyring)
	}
	for _, sub := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, sub), 0o755); err != nil {
			return err
		}
	}
	conf := strings.ReplaceAll(aptConf, "{dir}", a.dir)
	if err := writeFile(filepath.Join(a.dir, "apt.conf"), []byte(conf), 0o644); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(a.dir, "status"), nil, 0o644); err != nil {
		return err
	}
	// A mirror's URI may hold a password.
	return writeFile(filepath.Join(a.dir, "sources.list"), []byte(a.source()), 0o600)
}

// update fetches the suite's index and checks its signature.
func (a apt) update(ctx context.Context) error {
	if _, err := os.Stat(a.keyring); err != nil {
		return fmt.Errorf("read archive keyring (Debian package debian-archive-keyring): %w", err)
	}
	_, err := a.call(ctx, a.dir, "apt-get", "-q", "update")
	return err
}

// list returns the cloud kernel packages of the index.
func (a apt) list(ctx context.Context) ([]candidate, error) {
	out, err := a.call(ctx, a.dir, "apt-cache", "pkgnames", "linux-")
	if err != nil {
		return nil, err
	}
	args := []string{"show", "--"}
	for name := range strings.Lines(out) {
		if name = strings.TrimSpace(name); packageForm.MatchString(name) {
			args = append(args, name)
		}
	}
	if len(args) == 2 {
		return nil, nil
	}
	if out, err = a.call(ctx, a.dir, "apt-cache", args...); err != nil {
		return nil, err
	}
	return parseCandidates(out), nil
}

// download gets the packages into dir, checked by apt, and returns the path
// of each.
func (a apt) download(ctx context.Context, dir string, packages []candidate) ([]string, error) {
	args := []string{"-q", "download", "--"}
	for _, p := range packages {
		args = append(args, p.Name+"="+p.Version)
	}
	if _, err := a.call(ctx, dir, "apt-get", args...); err != nil {
		return nil, err
	}
	var debs []string
	for _, p := range packages {
		found, err := filepath.Glob(filepath.Join(dir, p.Name+"_*.deb"))
		if err != nil || len(found) != 1 {
			return nil, fmt.Errorf("download %s: apt left %d files", p.Name, len(found))
		}
		debs = append(debs, found[0])
	}
	return debs, nil
}

// call runs one of apt's tools with the private configuration.
func (a apt) call(ctx context.Context, dir, tool string, args ...string) (string, error) {
	argv := append([]string{tool, "-c", filepath.Join(a.dir, "apt.conf")}, args...)
	out, err := a.run(ctx, Command{Dir: dir, Argv: argv})
	return out, aptError(err)
}
