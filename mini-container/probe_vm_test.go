//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// The test binary copies itself into the rootfs and is the command that runs
// in the container. With probeEnv set it is the probe, else the tests.
const probeEnv = "MC_PROBE"

// The main thread stays with TestMain: tests that enter a namespace spoil the
// thread they run on, and /proc/self shows the main one.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if minicontainer.IsChild() {
		os.Exit(minicontainer.Child())
	}
	if os.Getenv(runnerEnv) != "" {
		os.Exit(runner())
	}
	if mode := os.Getenv(probeEnv); mode != "" {
		os.Exit(probe(mode))
	}
	os.Exit(m.Run())
}

// probe is the inside of every test. It never judges: the test does.
func probe(mode string) int {
	verb, argument, _ := strings.Cut(mode, ":")
	switch verb {
	case "story": // tell everything, then live until stdin ends
		json.NewEncoder(os.Stdout).Encode(tellStory(argument))
		os.Stdin.Read(make([]byte, 1))
		return 0
	case "wait": // live until stdin ends
		fmt.Println("ready")
		os.Stdin.Read(make([]byte, 1))
		return 0
	case "stay": // live until killed
		fmt.Println("ready")
		for {
			time.Sleep(time.Hour)
		}
	case "spawn": // leave a process behind
		cmd := exec.Command("/bin/probe")
		cmd.Env = []string{probeEnv + "=exit:0"}
		cmd.Start()
		return 0
	case "stubborn":
		stubborn()
	case "exit":
		code, _ := strconv.Atoi(argument)
		return code
	case "die": // by a signal
		number, _ := strconv.Atoi(argument)
		signal.Reset()
		unix.Kill(os.Getpid(), unix.Signal(number))
		time.Sleep(time.Hour)
	case "calls": // make system calls, "NUMBER ARG ARG,...", and name what each says
		json.NewEncoder(os.Stdout).Encode(makeCalls(argument))
		os.Stdin.Read(make([]byte, 1))
		return 0
	case "open": // open files for reading, and name what each says
		json.NewEncoder(os.Stdout).Encode(openAll(strings.Split(argument, ",")))
		return 0
	case "signals": // name each signal that arrives; SIGTERM is the last
		return nameSignals()
	}
	if act(verb, argument) {
		return 0
	}
	return probeMore(verb, argument)
}

func nameSignals() int {
	arrived := make(chan os.Signal, 16)
	signal.Notify(arrived)
	fmt.Println("ready")
	for s := range arrived {
		number, _ := s.(unix.Signal)
		if number == unix.SIGURG { // the Go runtime sends it to itself
			continue
		}
		fmt.Println(unix.SignalName(number))
		if number == unix.SIGTERM {
			return 42
		}
	}
	return 98
}

func makeCalls(list string) []string {
	var answers []string
	for _, call := range strings.Split(list, ",") {
		var numbers [4]uintptr
		for i, field := range strings.Fields(call) {
			n, _ := strconv.ParseUint(field, 0, 64)
			numbers[i] = uintptr(n)
		}
		_, _, errno := unix.RawSyscall(numbers[0], numbers[1], numbers[2], numbers[3])
		answers = append(answers, unix.ErrnoName(errno))
	}
	return answers
}

func openAll(paths []string) map[string]string {
	answers := map[string]string{}
	for _, path := range paths {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		answers[path] = ""
		setError(answers, path, err)
		if err == nil {
			unix.Close(fd)
		}
	}
	return answers
}
