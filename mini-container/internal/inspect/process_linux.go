package inspect

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/mini-container/internal/procstatus"
)

// process is the open directory of one process. Once that has ended, nothing
// can be read through it any more, whoever has its PID.
type process struct{ dir *os.File }

func openProcess(proc string, pid int) (*process, error) {
	path := filepath.Join(proc, strconv.Itoa(pid))
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, ErrNoProcess
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &process{os.NewFile(uintptr(fd), path)}, nil
}

func (p *process) close() { _ = p.dir.Close() }

func (p *process) open(name string) (*os.File, error) {
	fd, err := unix.Openat(int(p.dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (p *process) read(name string) (string, error) {
	f, err := p.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return string(text), nil
}

// ended says more of one that still has its number: nobody has asked how it
// ended.
func (p *process) ended(err error) error {
	text, readErr := p.read("status")
	if readErr != nil {
		return err
	}
	if s, parseErr := procstatus.Parse(text); parseErr == nil && s.State == "Z" {
		return fmt.Errorf("%w: it is a zombie, which its parent has not waited for (wait(2))", err)
	}
	return err
}

func (p *process) link(name string) (string, error) {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(p.dir.Fd()), name, buffer)
	if err != nil {
		return "", fmt.Errorf("read link %s: %w", name, err)
	}
	return string(buffer[:n]), nil
}

func (p *process) namespace(name string) (uint64, error) {
	link, err := p.link("ns/" + name)
	if err != nil {
		return 0, err
	}
	return ParseNamespace(link)
}
