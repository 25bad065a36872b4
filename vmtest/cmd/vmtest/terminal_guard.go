package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// guardScript waits for a word on descriptor 3. Without one, whoever should have sent it is
// dead, and the terminal gets its settings back. A process in the background
// may set a terminal only while it ignores SIGTTOU.
const guardScript = `trap "" TTOU INT QUIT TERM HUP; read word <&3 || stty "$1"`

// guard is a process that restores a terminal after a SIGKILL or a crash of
// ours.
type guard struct {
	cmd   *exec.Cmd
	words io.WriteCloser
}

// newGuard starts the process; nil if there is no stty(1), since nothing else
// depends on it.
func newGuard(terminal *os.File) *guard {
	get := exec.Command("stty", "-g")
	get.Stdin = terminal
	settings, err := get.Output()
	if err != nil {
		return nil
	}
	words, ours, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer words.Close()
	cmd := exec.Command("sh", "-c", guardScript, "vmtest-guard", strings.TrimSpace(string(settings)))
	cmd.Stdin, cmd.ExtraFiles = terminal, []*os.File{words}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		return nil
	}
	return &guard{cmd: cmd, words: ours}
}

// dismiss ends the process without any effect.
func (g *guard) dismiss() {
	if g == nil {
		return
	}
	_, _ = g.words.Write([]byte("done\n"))
	_ = g.words.Close()
	_ = g.cmd.Wait()
}
