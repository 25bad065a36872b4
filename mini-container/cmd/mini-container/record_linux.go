package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// recordedFlag is set by us alone: this run is being recorded.
const recordedFlag = "recorded"

// explainFlags ask for a recording of a run.
type explainFlags struct {
	text     bool
	file     string
	recorded bool
}

func (e *explainFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&e.text, "explain", false, "record each system call that makes the container, and explain it on stderr")
	flags.StringVar(&e.file, "explain-json", "", "record them, and write a container-explain/v1 JSON document to `FILE`, at the end")
	flags.BoolVar(&e.recorded, recordedFlag, false, "")
	_ = flags.MarkHidden(recordedFlag) // its only error is that there is no such flag
}

func (e *explainFlags) wanted() bool { return e.text || e.file != "" }

// records tells the program that records from the one that is recorded.
func (f *runFlags) records() bool { return f.explain.wanted() && !f.explain.recorded }

// record runs this command once more, under ptrace(2).
func (f *runFlags) record() (int, error) {
	var live io.Writer
	if f.explain.text {
		live = os.Stderr
	}
	done := make(chan struct{})
	defer close(done)
	args := slices.Concat([]string{name}, withFlag(os.Args[1:], f.options.Args, recordedFlag))
	begun := false
	explanation, err := minicontainer.Record("/proc/self/exe", args, live, func(pid int) {
		passSignals(pid, done)
		begun = true
		f.handOver()
	})
	if err != nil {
		if f.child && !begun {
			tell(started{Error: err.Error(), Code: exitcode.Unsupported})
		}
		return 0, exitcode.With(exitcode.Unsupported, err)
	}
	if f.explain.file != "" {
		if err := writeExplanation(f.explain.file, explanation); err != nil {
			return 0, exitcode.With(exitcode.Harness, err)
		}
	}
	return explanation.Recorded.ExitCode, nil
}

// handOver leaves it to the recorded supervisor of a detached container to say
// that it runs, and stands in the way of no file system until its end.
func (f *runFlags) handOver() {
	if !f.child {
		return
	}
	_ = unix.Close(readyFD)
	if path, err := filepath.Abs(f.explain.file); err == nil {
		f.explain.file = path
		_ = os.Chdir("/") // else it is in the way, and no more than that
	}
}

func writeExplanation(path string, e *minicontainer.Explanation) error {
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encode explanation: %w", err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write explanation: %w", err)
	}
	return nil
}

// passSignals gives the recorded program what we get, until done is closed.
// What a terminal sends, it sends to both of us.
func passSignals(pid int, done <-chan struct{}) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, forwarded...)
	go func() {
		for {
			select {
			case s := <-signals:
				if sig, ok := s.(unix.Signal); ok && !fromTerminal(sig) {
					_ = unix.Kill(pid, sig) // gone already: nothing to do
				}
			case <-done:
				signal.Stop(signals)
				return
			}
		}
	}()
}

// fromTerminal: while we are in the foreground of one, these are its.
func fromTerminal(s unix.Signal) bool {
	if s != unix.SIGINT && s != unix.SIGQUIT && s != unix.SIGWINCH {
		return false
	}
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
