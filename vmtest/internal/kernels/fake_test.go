package kernels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fake is a Runner that plays apt and dpkg-deb. Suites are index texts;
// everything else is what goes wrong, as apt 2.6 said it.
type fake struct {
	mu        sync.Mutex
	suites    map[string]string // suite -> output of apt-cache show
	update    map[string]string // suite or host -> stderr of a failing apt-get update
	download  map[string]string // package name -> stderr of a failing apt-get download
	spoil     map[string]bool   // package name -> the file comes cut off
	onCommand func(ctx context.Context, tool string) error
	calls     []string // tool and first argument, in order
}

func (f *fake) run(ctx context.Context, c Command) (string, error) {
	what := c.Argv[1]
	if c.Argv[1] == "-c" {
		what = strings.Join(c.Argv[3:], " ")
	}
	f.mu.Lock()
	f.calls = append(f.calls, c.Argv[0]+" "+what)
	hook := f.onCommand
	f.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, c.Argv[0]+" "+what); err != nil {
			return "", runError(ctx, c, err, "")
		}
	}
	switch {
	case c.Argv[0] == "dpkg-deb" && c.Argv[1] == "-f":
		return fields(c.Argv[2])
	case c.Argv[0] == "dpkg-deb":
		return "", extract(c.Argv[2], c.Argv[3])
	case strings.Contains(what, "update"):
		return "", f.fail(ctx, c, f.update)
	case strings.HasPrefix(what, "pkgnames"):
		return f.names(suiteOf(c)), nil
	case strings.HasPrefix(what, "show"):
		return f.suites[suiteOf(c)], nil
	}
	return "", f.get(ctx, c)
}

// suiteOf finds the suite in the path of the configuration file.
func suiteOf(c Command) string {
	dir := filepath.Base(filepath.Dir(c.Argv[2]))
	return dir[:strings.LastIndexByte(dir, '-')]
}

// fail returns the error set for the suite or for a host in sources.list.
func (f *fake) fail(ctx context.Context, c Command, stderr map[string]string) error {
	source, err := os.ReadFile(filepath.Join(filepath.Dir(c.Argv[2]), "sources.list"))
	if err != nil {
		return err
	}
	for word, text := range stderr {
		if word == suiteOf(c) || strings.Contains(string(source), "//"+word+"/") {
			return runError(ctx, c, errors.New("exit status 100"), text)
		}
	}
	return nil
}

func (f *fake) names(suite string) string {
	var names strings.Builder
	for _, s := range parseStanzas(f.suites[suite]) {
		fmt.Fprintln(&names, s["package"])
	}
	return names.String()
}

// get writes the packages that apt-get download is asked for.
func (f *fake) get(ctx context.Context, c Command) error {
	for _, arg := range c.Argv[6:] {
		name, version, _ := strings.Cut(arg, "=")
		if text, ok := f.download[name]; ok {
			return runError(ctx, c, errors.New("exit status 100"), text)
		}
		data := debData(name, version)
		if f.spoil[name] {
			data = data[:3]
		}
		if err := os.WriteFile(filepath.Join(c.Dir, debFile(name, version)), []byte(data), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// count returns how many commands started with prefix.
func (f *fake) count(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, call := range f.calls {
		if strings.HasPrefix(call, prefix) {
			n++
		}
	}
	return n
}

func debFile(name, version string) string { return name + "_" + version + "_amd64.deb" }

// debData is a package's content: its name is all that extract needs.
func debData(name, version string) string { return "package " + name + " " + version }

// stanza is a package as apt-cache show prints it.
func stanza(name, version string) string {
	data := debData(name, version)
	sum := sha256.Sum256([]byte(data))
	return fmt.Sprintf("Package: %s\nSource: linux\nVersion: %s\nInstalled-Size: 10\nArchitecture: amd64\n"+
		"Depends: kmod,\n base\nFilename: pool/main/l/linux/%s\nSize: %d\nSHA256: %s\n\n",
		name, version, debFile(name, version), len(data), hex.EncodeToString(sum[:]))
}

// fields is what dpkg-deb -f prints.
func fields(deb string) (string, error) {
	data, err := os.ReadFile(deb)
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(data))
	return fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\n", words[1], words[2]), nil
}

// extract makes the files that a package of this name has in Debian.
func extract(deb, root string) error {
	data, err := os.ReadFile(deb)
	if err != nil {
		return err
	}
	role, release, _ := splitName(strings.Fields(string(data))[1])
	old, lib := "lib/modules/"+release+"/", "usr/lib/modules/"+release+"/"
	files := map[string][]string{
		"image":   {"boot/vmlinuz-" + release, "boot/config-" + release, old + "modules.builtin", old + "modules.order"},
		"binary":  {lib + "vmlinuz"},
		"base":    {lib + "config", lib + "modules.builtin", lib + "modules.order"},
		"modules": {lib + "kernel/a.ko"},
	}[role]
	for _, file := range files {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		content := []byte(file)
		if strings.Contains(file, "vmlinuz") {
			content = plainImage(release)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bench is a source over a fake apt, with a clock and a cache of its own.
type bench struct {
	*fake
	config Config
	now    time.Time
	free   int64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	keyring := filepath.Join(dir, "keyring.gpg")
	require.NoError(t, os.WriteFile(keyring, nil, 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "cache"), 0o755))
	b := &bench{fake: &fake{suites: map[string]string{}}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), free: 1 << 40}
	b.config = Config{
		CacheDir: filepath.Join(dir, "cache"), Mirrors: "https://m.example/debian", Keyring: keyring,
		Run: b.run, Now: func() time.Time { return b.now },
		List: List{Kernels: []Series{
			{Series: "5.10", Suites: []string{"bullseye-security", "bullseye"}, EndOfLife: true},
			{Series: "7", Suites: []string{"trixie-backports"}},
		}},
	}
	return b
}

// source makes the source as a new process would.
func (b *bench) source(t *testing.T) *Sources {
	t.Helper()
	s, err := New(b.config)
	require.NoError(t, err)
	b.rig(s.store)
	return s
}

// bare is a kernel without what keeps it in use, to be compared.
func bare(k Kernel) Kernel {
	k.hold = nil
	return k
}

// rig replaces what reaches outside the test.
func (b *bench) rig(s *store) {
	s.free = func(string) (int64, error) { return b.free, nil }
	s.depmod = func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "modules.dep"), nil, 0o644)
	}
}

// clean fails the test when anything temporary is left in the cache.
func (b *bench) clean(t *testing.T) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(b.config.CacheDir, func(path string, _ os.DirEntry, err error) error {
		require.NotContains(t, filepath.Base(path), ".tmp-", "left behind")
		return err
	}))
}

// Names and texts that several tests use.
const (
	image510   = "linux-image-5.10.0-46-cloud-amd64"
	image510b  = "linux-image-5.10.0-45-cloud-amd64"
	notFound   = "E: Failed to fetch https://m.example/debian/pool/x.deb  404  Not Found [IP: 203.0.113.80 80]\n"
	noRoute    = "E: Failed to fetch https://m.example/debian/dists/x/InRelease  Could not resolve 'm.example'\nE: Some index files failed to download. They have been ignored, or old ones used instead.\n"
	noSuite    = "W: Download is performed unsandboxed as root as file '/x' couldn't be accessed by user '_apt'. - pkgAcquire::Run (13: Permission denied)\nE: The repository 'https://m.example/debian bullseye Release' does not have a Release file.\n"
	notSigned  = "W: GPG error: https://m.example/debian trixie-backports InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 6ED0E7B82643E131\nE: The repository 'https://m.example/debian trixie-backports InRelease' is not signed.\n"
	wrongSize  = "E: Failed to fetch https://m.example/debian/pool/x.deb  File has unexpected size (500000 != 1037368). Mirror sync in progress?\n   Hashes of expected file:\n    - SHA256:e9f6b719bb96f989fce7a61e78580b24de4e824b3c9f656db7c3169dbb45a25a\n"
	diskIsFull = "E: Failed to fetch https://m.example/debian/pool/x.deb  Error writing to file - write (28: No space left on device)\n"
)

// split returns the stanzas of a kernel from 6.19 on with the given roles.
func split(release, version string, roles ...string) string {
	var text strings.Builder
	for _, role := range roles {
		text.WriteString(stanza("linux-"+role+"-"+release+"-cloud-amd64", version))
	}
	return text.String()
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func isUnavailable(err error) bool { return errors.Is(err, ErrUnavailable) }
