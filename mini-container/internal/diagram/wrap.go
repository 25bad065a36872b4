package diagram

import (
	"fmt"
	"strings"
)

// printable shows text of the container's making without what could move the
// cursor.
func printable(text string) string {
	quoted := fmt.Sprintf("%q", text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// cells is how wide text is where all letters are equally wide, or twice as
// wide as most of what comes after Latin, Greek, Cyrillic and their like is.
func cells(text string) (n int) {
	for _, r := range text {
		n += cellsOf(r)
	}
	return n
}

func cellsOf(r rune) int {
	const firstWide, boxes, endOfBoxes = 0x1100, 0x2500, 0x2580
	if r >= firstWide && (r < boxes || r >= endOfBoxes) && r != ellipsis {
		return 2
	}
	return 1
}

const ellipsis = '…'

// mostLines is into how many lines a name is broken before it is cut.
const mostLines = 3

// wrap breaks text into printable lines that are no wider than a number of
// cells, after a blank or a slash if there is one late enough.
func wrap(text string, most int) []string {
	var lines []string
	rest := []rune(printable(text))
	for len(lines) < mostLines {
		end := fit(rest, most)
		if end == len(rest) {
			return append(lines, string(rest))
		}
		if len(lines) == mostLines-1 {
			return append(lines, string(rest[:fit(rest, most-1)])+string(ellipsis))
		}
		for i := end; i > end/2; i-- {
			if rest[i-1] == ' ' || rest[i-1] == '/' {
				end = i
				break
			}
		}
		lines, rest = append(lines, strings.TrimRight(string(rest[:end]), " ")), rest[end:]
	}
	return lines
}

// fit is how many runes have room.
func fit(text []rune, most int) int {
	n := 0
	for i, r := range text {
		if n += cellsOf(r); n > most {
			return i
		}
	}
	return len(text)
}

// few is how much of a list is drawn.
const few = 10

// some is the first ones, and how many are left out.
func some(list []string) []string {
	if len(list) <= few {
		return list
	}
	shown := append([]string{}, list[:few]...)
	return append(shown, fmt.Sprintf("and %d more", len(list)-few))
}
