package guest

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// fatalWait bounds the attempt to tell the host about a fatal error: the
// channel may be what is broken.
const fatalWait = 2 * time.Second

// lastSignal is SIGRTMAX.
const lastSignal = 64

// Main is process 1. It never returns: it ends in a power-off, and the host
// knows an orderly one by the Done frame before it.
func Main() {
	// The kernel hands vmtest=1 of its command line to init as a variable. A
	// process 1 without it is the entry point of a container, not a guest.
	if os.Getpid() != 1 || os.Getenv("vmtest") != "1" {
		fmt.Fprintln(os.Stderr, "vmtest-init: not process 1 of a guest: vmtest boots kernels with this")
		return
	}
	ignoreSignals()
	if err := boot(process1{}, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "vmtest-init: fatal: %v\n", err)
	}
	process1{}.PowerOff()
}

// ignoreSignals keeps Go's default actions away, which exit: the kernel panics
// when process 1 does. The signals are caught and dropped rather than ignored,
// since ignoring is inherited by commands. Go's runtime needs two for itself.
func ignoreSignals() {
	var caught []os.Signal
	for number := syscall.Signal(1); number <= lastSignal; number++ {
		if number != syscall.SIGURG && number != syscall.SIGPROF {
			caught = append(caught, number)
		}
	}
	signal.Notify(make(chan os.Signal, 1), caught...)
}

// boot becomes what the kernel's command line asks for.
func boot(k kernel, console io.Writer) error {
	if os.Getenv(systemVariable) == systemd {
		return newMachine(k, "").becomeSystemd()
	}
	return live(k, console)
}

// live boots, serves the host and returns why it is over.
func live(k kernel, console io.Writer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	m := newMachine(k, "")
	if err := m.enterRoot(); err != nil {
		return err
	}
	if err := m.furnish(); err != nil {
		return err
	}
	for _, warning := range m.warnings {
		fmt.Fprintf(console, "vmtest-init: %s\n", warning)
	}
	port, err := openChannel("/sys")
	if err != nil {
		return err
	}
	return converse(port, m)
}

func converse(conn io.ReadWriter, p platform) error {
	r := newReaper()
	go r.run()
	s := newSession(conn, p, r)
	err := s.serve()
	if err != nil {
		told := make(chan struct{})
		go func() {
			_ = s.enc.EncodeJSON(wire.TypeError, 0, wire.Error{Message: err.Error()})
			close(told)
		}()
		select {
		case <-told:
		case <-time.After(fatalWait):
		}
	}
	return err
}
