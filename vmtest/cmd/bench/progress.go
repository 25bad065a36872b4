package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// progress is one line that is written over, on a terminal only.
type progress struct {
	out   io.Writer // nil is none
	began time.Time
}

func newProgress(out io.Writer) progress {
	if f, ok := out.(*os.File); ok {
		if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
			return progress{out, time.Now()}
		}
	}
	return progress{}
}

// say shows what is going on.
func (p progress) say(format string, args ...any) {
	if p.out != nil {
		fmt.Fprintf(p.out, "\r\033[K%4.0fs %s", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...))
	}
}

func (p progress) clear() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\033[K")
	}
}
