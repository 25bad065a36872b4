package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

//go:embed page/report.html.tmpl
var pageTemplate string

//go:embed page/report.css
var pageCSS string

//go:embed page/report.js
var pageJS string

var page = template.Must(template.New("report").Parse(pageTemplate))

// Page says what an HTML page shows besides its report.
type Page struct {
	Against *Report // an older report, to show what has changed
	Files   bool    // the page is beside report.json: files may be linked to
}

// maxPageBytes bounds a page that has gone wrong all over. A record that no
// longer fits keeps its one line.
const maxPageBytes = 8 << 20

// HTML writes one page that needs nothing else: no network, no other file. Text
// from guests is escaped by html/template, and the page's own policy lets only
// its own script and style run, by their hashes.
func HTML(w io.Writer, r Report, options Page) error {
	var b bytes.Buffer
	if err := page.Execute(&b, newHTMLPage(r, options)); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// policy lets the page load nothing, send nothing and be framed by nobody.
func policy() string {
	return fmt.Sprintf("default-src 'none'; img-src data:; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
		hashSource(pageCSS), hashSource(pageJS))
}

func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
