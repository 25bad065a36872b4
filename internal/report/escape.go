package report

import (
	"html"
	"strings"
	"unicode"
)

// escapeCell keeps text from a guest inside its table cell, as text: no markup,
// no link, nobody mentioned, no second line.
func escapeCell(s string) string { return markup.Replace(oneLine(s)) }

// codeCell is for code spans, where a backslash escapes nothing but a pipe.
func codeCell(s string) string {
	return strings.NewReplacer("`", "'", "\\", "/", "|", `\|`).Replace(oneLine(s))
}

func escapeHTML(s string) string { return html.EscapeString(s) }

// markup breaks bare addresses too, which GitHub would turn into links.
var markup = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "~", `\~`, "[", `\[`, "]", `\]`,
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "://", "&#58;//", "www.", "www&#46;", "@", "@\u200b")

// maxCellBytes bounds one cell.
const maxCellBytes = 500

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, clip(s, maxCellBytes))
}

func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
