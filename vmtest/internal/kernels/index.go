package kernels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// DefaultMaxAge is how long a downloaded package index is used before it is
// asked for again.
const DefaultMaxAge = 24 * time.Hour

// indexes keeps the package indexes of suites, each in its own directory so
// that a suite a mirror lacks cannot spoil another.
type indexes struct {
	dir     string // <cache>/apt
	keyring string
	run     Runner
	now     func() time.Time
	fresh   time.Time // an index fetched before is too old
	down    outages
}

// saved is candidates.json: what apt said, so that a warm run needs no apt.
type saved struct {
	Fetched    time.Time   `json:"fetched"`
	Source     string      `json:"source"` // hash of the line of sources.list
	Candidates []candidate `json:"candidates"`
}

// at returns the private apt for a suite of a mirror.
func (x *indexes) at(uri, suite string, expired bool) apt {
	dir := filepath.Join(x.dir, suite+"-"+hashOf(uri))
	return apt{dir: dir, uri: uri, suite: suite, expired: expired, keyring: x.keyring, run: x.run}
}

// load returns the kernel packages of a suite: as saved if that is fresh,
// else after apt-get update, which one run at a time does.
func (x *indexes) load(ctx context.Context, a apt) ([]candidate, error) {
	if s, ok := x.saved(a); ok {
		return s.Candidates, nil
	}
	if err := x.down.recall(a.uri, x.now()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return nil, cacheFault(x.dir, 0, err)
	}
	lock, err := cache.Lock(ctx, filepath.Join(a.dir, "update.lock"), nil)
	if err != nil {
		return nil, cacheFault(x.dir, 0, err)
	}
	defer lock.Close()
	if s, ok := x.saved(a); ok {
		return s.Candidates, nil // another run fetched it while this one waited
	}
	found, err := x.fetch(ctx, a)
	if errors.Is(err, errOffline) {
		x.down.remember(a.uri, x.now(), err)
	}
	return found, cacheFault(x.dir, 0, err)
}

// fetch asks apt and saves what it says.
func (x *indexes) fetch(ctx context.Context, a apt) ([]candidate, error) {
	if err := a.prepare(); err != nil {
		return nil, err
	}
	if err := a.update(ctx); err != nil {
		return nil, err
	}
	found, err := a.list(ctx)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(saved{Fetched: x.now().UTC(), Source: hashOf(a.source()), Candidates: found})
	if err != nil {
		return nil, fmt.Errorf("save package index: %w", err)
	}
	return found, writeFile(filepath.Join(a.dir, "candidates.json"), data, 0o644)
}

// saved reads candidates.json. One from the future is as old as none: the
// clock was wrong once.
func (x *indexes) saved(a apt) (saved, bool) {
	var s saved
	data, err := os.ReadFile(filepath.Join(a.dir, "candidates.json"))
	if err != nil || json.Unmarshal(data, &s) != nil || s.Source != hashOf(a.source()) {
		return saved{}, false
	}
	return s, !s.Fetched.Before(x.fresh) && !s.Fetched.After(x.now().Add(time.Minute))
}

// hashOf is a short name for a text that may hold a password.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
