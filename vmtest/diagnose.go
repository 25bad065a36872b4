package vmtest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// fatalPrefix begins the line that init writes to its console when it has to
// give up before it has a channel.
const fatalPrefix = "vmtest-init: fatal: "

// lastWords returns why init gave up, or "".
func lastWords(console []byte) string {
	words := ""
	for line := range bytes.Lines(console) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(string(line)), fatalPrefix); ok {
			words = text
		}
	}
	return words
}

// bootFault adds to err what init said last, and what may be done about it.
func (a *assets) bootFault(err error, words string) error {
	if words == "" {
		return a.doubt(err)
	}
	err = fmt.Errorf("%w: init gave up: %s", err, words)
	doubt := a.doubt(err)
	if doubt == err && strings.Contains(words, "disk root") {
		return damaged(err, a.image.Path)
	}
	return doubt
}

// checkModules refuses a guest without its modules: tests would fail there for
// want of what the kernel has.
func (a *assets) checkModules(hello wire.Hello) error {
	for _, warning := range hello.Warnings {
		if strings.Contains(warning, "disk modules") {
			return damaged(errors.New(warning), a.modulesDisk)
		}
	}
	return nil
}

// damaged names the file of the cache that may have to go.
func damaged(err error, path string) error {
	return fmt.Errorf("%w (if that comes again, the cached disk is damaged: remove %s, it is made anew)", err, path)
}

// needRoom says what to do about a full disk where the work directory is.
func needRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w (free some, or name another place with TMPDIR)", err)
	}
	return err
}
