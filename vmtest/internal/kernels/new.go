package kernels

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/aptsources"
)

// DefaultKeyring holds the keys that Debian's archives are signed with
// (package debian-archive-keyring).
const DefaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Config says where kernels come from and where they are kept. CacheDir and
// List are required, the zero value of the rest is the default.
type Config struct {
	CacheDir   string           // gets kernels/ and apt/
	List       List             // series and their suites
	PackageDir string           // directory of .deb files and SHA256SUMS, searched first; "" is none
	Mirrors    string           // mirror URIs as in VMTEST_MIRRORS; "" is what the machine's apt uses
	Root       string           // root of the machine whose apt configuration and kernel are meant; "" is /
	Keyring    string           // "" is DefaultKeyring
	MaxAge     time.Duration    // of a package index; 0 is DefaultMaxAge
	Refresh    bool             // ask the mirrors even if the index is fresh
	Log        func(string)     // gets a line per download and per one that fails; may be nil
	Run        Runner           // nil is Exec
	Now        func() time.Time // nil is time.Now
	Client     *http.Client     // for URLs; nil is http.DefaultClient
}

// New returns the sources for a Config. A series is looked for in the package
// directory if there is one, then on the mirrors. New touches neither the disk
// nor the network.
func New(c Config) (*Sources, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("set up kernels: %w", err)
	}
	store := newStore(filepath.Join(c.CacheDir, "kernels"), c.Run)
	fresh := c.Now().Add(-c.MaxAge)
	if c.Refresh {
		fresh = c.Now()
	}
	debian := &Debian{
		list: c.List, store: store, log: c.Log,
		mirrors: func() ([]Mirror, error) {
			found, err := aptsources.Find(c.Root, c.Mirrors)
			return PairMirrors(found), err
		},
		index: &indexes{
			dir: filepath.Join(c.CacheDir, "apt"), keyring: c.Keyring, run: c.Run, now: c.Now, fresh: fresh,
		},
	}
	all := Multi{debian}
	if c.PackageDir != "" {
		all = Multi{&PackageDir{dir: c.PackageDir, store: store}, debian}
	}
	return &Sources{
		debian: all, mirrors: debian, store: store, list: c.List,
		importer: &importer{store: store, root: c.Root, client: c.Client, limit: maxDownloadBytes, log: c.Log},
	}, nil
}

func (c Config) withDefaults() (Config, error) {
	if c.CacheDir == "" {
		return c, errors.New("no cache directory")
	}
	var err error
	if c.CacheDir, err = filepath.Abs(c.CacheDir); err != nil {
		return c, err
	}
	if c.PackageDir != "" {
		if c.PackageDir, err = filepath.Abs(c.PackageDir); err != nil {
			return c, err
		}
	}
	if c.Root == "" {
		c.Root = "/"
	}
	if c.Keyring == "" {
		c.Keyring = DefaultKeyring
	}
	if c.MaxAge == 0 {
		c.MaxAge = DefaultMaxAge
	}
	if c.Log == nil {
		c.Log = func(string) {}
	}
	if c.Run == nil {
		c.Run = Exec
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = http.DefaultClient
	}
	return c, nil
}

// appendNew adds s unless it is in the list.
func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
