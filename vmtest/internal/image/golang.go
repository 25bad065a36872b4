package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Go is the part of the image "build" that does not come from Debian: the
// toolchain of this machine, the modules that a go.mod asks for, and a build
// cache warmed with them. Debian's own Go is older than what go.mod wants, and
// a guest has no network to get another from.
type Go struct {
	Version   string `json:"version"`    // of the toolchain, "go1.26.0"
	Module    string `json:"module"`     // path of the module whose modules these are
	ModSHA256 string `json:"mod_sha256"` // of its go.mod
	SumSHA256 string `json:"sum_sha256"` // of its go.sum

	root     string // GOROOT, copied
	dir      string // of go.mod
	modCache string // GOMODCACHE, saves downloads
	proxy    string // GOPROXY
}

// Where the guest has them; go.env of the toolchain says so to go(1).
const (
	guestGoRoot  = "usr/local/go"
	guestModules = "usr/local/lib/go/modules"
	guestGoCache = "usr/local/lib/go/cache"
	guestModule  = "usr/local/lib/go/module" // go.mod and go.sum, to start from
)

// goEnv is the guest's GOROOT/go.env, the lowest of go(1)'s settings, in place
// of the toolchain's own, of which the first line for a name would count:
// nothing is fetched, and no C compiler is needed for package net.
const goEnv = `# vmtest: this machine has no network.
CGO_ENABLED=0
GOCACHE=/` + guestGoCache + `
GOMODCACHE=/` + guestModules + `
GOPROXY=file:///` + guestModules + `/cache/download
GOSUMDB=off
GOTOOLCHAIN=local
`

// warmScript compiles the standard library and the modules' packages inside
// the tree $1, without network: what the guest will do.
//
//go:embed warm.sh
var warmScript string

// FindGo describes the module that holds dir and the toolchain it selects.
func FindGo(ctx context.Context, dir string) (*Go, error) {
	if dir == "" {
		dir = "."
	}
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOVERSION", "GOROOT", "GOMOD", "GOMODCACHE", "GOPROXY")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("find Go: not installed (the image holds this machine's toolchain)")
	}
	if err != nil {
		return nil, fmt.Errorf("find Go: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var env struct{ GOVERSION, GOROOT, GOMOD, GOMODCACHE, GOPROXY string }
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("find Go: %w", err)
	}
	if filepath.Base(env.GOMOD) != "go.mod" {
		return nil, fmt.Errorf("find modules: no go.mod in %s or above it", dir)
	}
	g := &Go{
		Version: env.GOVERSION, root: env.GOROOT, dir: filepath.Dir(env.GOMOD),
		modCache: env.GOMODCACHE, proxy: env.GOPROXY,
	}
	return g, g.readModule()
}

// readModule fills in what go.mod and go.sum say.
func (g *Go) readModule() error {
	mod, err := os.ReadFile(filepath.Join(g.dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("read module: %w", err)
	}
	sum, err := os.ReadFile(filepath.Join(g.dir, "go.sum"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read module: %w", err)
	}
	g.Module, g.ModSHA256, g.SumSHA256 = modulePath(mod), hexSum(mod), hexSum(sum)
	if g.Module == "" {
		return errors.New("read module: go.mod names no module")
	}
	return nil
}

// modulePath is the argument of go.mod's module line.
func modulePath(mod []byte) string {
	for line := range strings.Lines(string(mod)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.Trim(strings.TrimSpace(path), `"`)
		}
	}
	return ""
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// goScript is what shapes the Go part of a disk, "" without one.
func (r Recipe) goScript() string {
	if r.Go == nil {
		return ""
	}
	return warmScript + goEnv
}
