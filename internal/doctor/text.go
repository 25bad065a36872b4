package doctor

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Text writes a line per check, and below it what follows and what to do.
func Text(w io.Writer, r Report) error {
	b := &strings.Builder{}
	for _, c := range r.Checks {
		fmt.Fprintf(b, "%s  %-34s %s\n", mark(w, c.Status), c.Title, c.Value)
		if c.Detail != "" && c.Status != OK {
			fmt.Fprintf(b, "         %s\n", c.Detail)
		}
		if c.Remedy != "" {
			fmt.Fprintf(b, "         -> %s\n", c.Remedy)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var colors = map[Status]string{OK: "32", Warn: "33", Fail: "31", Unknown: "35"}

// mark is the status, coloured on a terminal unless NO_COLOR is set.
func mark(w io.Writer, s Status) string {
	text := fmt.Sprintf("%-7s", s)
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return "\x1b[" + colors[s] + "m" + text + "\x1b[0m"
}
