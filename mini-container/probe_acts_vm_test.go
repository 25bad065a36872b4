//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// acts are what the probe can do besides telling its story. Each says one line
// and then lives until stdin ends.
var acts = map[string]func(argument string) string{
	"write":      writeFile,
	"owners":     owners,
	"orphans":    func(string) string { return orphans() },
	"clocks":     func(string) string { return clocks() },
	"read":       readText,
	"cgroups":    cgroupAttack,
	"devices":    deviceNumbers,
	"ask":        askDevices,
	"attempt":    attempt,
	"type":       typeIn,
	"flood":      flood,
	"bomb":       bomb,
	"advertise":  advertiseInside,
	"write-disk": writeDisk,
}

// act is one of acts, and whether there is such a one.
func act(verb, argument string) bool {
	do, known := acts[verb]
	if known {
		fmt.Println(do(argument))
		os.Stdin.Read(make([]byte, 1))
	}
	return known
}

// writeFile returns the name of the error, "" for none.
func writeFile(path string) string {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		errno, _ := err.(unix.Errno)
		return unix.ErrnoName(errno)
	}
	unix.Write(fd, []byte("written"))
	unix.Close(fd)
	return ""
}

func owners(paths string) string {
	var said []string
	for _, path := range strings.Split(paths, ",") {
		var st unix.Stat_t
		unix.Stat(path, &st)
		said = append(said, fmt.Sprintf("%s %d:%d", path, st.Uid, st.Gid))
	}
	return strings.Join(said, " ")
}

// orphans leaves grandchildren behind and counts what is not reaped.
func orphans() string {
	for range 5 {
		cmd := exec.Command("/bin/probe")
		cmd.Env = []string{probeEnv + "=spawn"}
		cmd.Run()
	}
	zombies := -1
	for end := time.Now().Add(patience); time.Now().Before(end) && zombies != 0; time.Sleep(20 * time.Millisecond) {
		zombies = 0
		for _, pid := range numeric("/proc") {
			if pid != "1" && pid != fmt.Sprint(os.Getpid()) {
				zombies++
			}
		}
	}
	return fmt.Sprint(os.Getppid(), " ", zombies)
}

// clocks returns the seconds since boot, as this time namespace has them.
func clocks() string {
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return fmt.Sprint(now.Sec)
}

// bomb forks that many processes that stay, and does not care what becomes of
// them.
func bomb(count string) string {
	n, _ := strconv.Atoi(count)
	for range n {
		cmd := exec.Command("/bin/probe")
		cmd.Env = []string{probeEnv + "=stay"}
		if cmd.Start() == nil {
			fmt.Println("forked")
		}
	}
	return "done"
}

// stubborn says when SIGTERM has come and does nothing about it.
func stubborn() {
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, unix.SIGTERM)
	fmt.Println("ready")
	<-arrived
	fmt.Println("SIGTERM ignored")
	select {}
}

// typeIn exits with the errno of typing into the terminal on stdin.
func typeIn(string) string {
	letter := byte('x')
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(&letter)))
	os.Exit(int(errno))
	return ""
}
