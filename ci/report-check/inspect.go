package main

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed inspect.js
var inspectJS string

//go:embed keyboard.js
var keyboardJS string

// inspect looks at a page that is open.
func inspect(ctx context.Context, url string, v view) ([]string, error) {
	faults, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](inspectJS))
	if err != nil {
		return nil, fmt.Errorf("inspect page: %w", err)
	}
	steps := []func(context.Context, string) ([]string, error){theme, filter, openByKey, tabbing}
	if !v.scripts {
		steps = []func(context.Context, string) ([]string, error){withoutScripts}
	}
	for _, step := range steps {
		more, err := step(ctx, url)
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	}
	return faults, nil
}

// patience is how long something that must come true may take: events of a page
// arrive when the browser finds the time.
const patience = 10 * time.Second

// expect evaluates JavaScript until it says true.
func expect(ctx context.Context, what, js string) ([]string, error) {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if ok {
			return nil, nil
		}
		if time.Now().After(end) {
			return []string{"not so: " + what}, nil
		}
	}
}

// press focuses the first element that matches and presses a key.
func press(ctx context.Context, selector, key string) error {
	focus := fmt.Sprintf(`document.querySelector(%q).focus()`, selector)
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](focus), chromedp.KeyEvent(key)); err != nil {
		return fmt.Errorf("press a key on %s: %w", selector, err)
	}
	return nil
}

// theme switches the colours by key, and back.
func theme(ctx context.Context, _ string) ([]string, error) {
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`window.before = getComputedStyle(document.body).backgroundColor; 0`)); err != nil {
		return nil, fmt.Errorf("read colours: %w", err)
	}
	if err := press(ctx, "#theme", kb.Enter); err != nil {
		return nil, err
	}
	faults, err := expect(ctx, "the button switches the colours", `getComputedStyle(document.body).backgroundColor !== before`)
	if err != nil {
		return nil, err
	}
	return faults, press(ctx, "#theme", kb.Enter)
}

// filter presses the first outcome: the records shown are as many as it says.
func filter(ctx context.Context, _ string) ([]string, error) {
	if err := press(ctx, "button[data-filter]", " "); err != nil {
		return nil, err
	}
	faults, err := expect(ctx, "an outcome's button leaves just its records", `
		document.querySelectorAll("details.rec:not([hidden])").length === +document.querySelector("button[data-filter] b").textContent`)
	if err != nil {
		return nil, err
	}
	if err := press(ctx, "button[data-filter]", " "); err != nil {
		return nil, err
	}
	more, err := expect(ctx, "pressed again it leaves all", `!document.querySelector("details.rec[hidden]")`)
	return append(faults, more...), err
}

// openByKey follows a cell of the matrix to its record.
func openByKey(ctx context.Context, _ string) ([]string, error) {
	if err := press(ctx, "td.cell a", kb.Enter); err != nil {
		return nil, err
	}
	const record = `document.getElementById(decodeURIComponent(document.querySelector("td.cell a").hash.slice(1))).closest("details")`
	faults, err := expect(ctx, "Enter on a cell opens its record and goes there",
		record+`.open && document.activeElement.closest("details") === `+record)
	if err != nil {
		return nil, err
	}
	more, err := toggle(ctx)
	return append(faults, more...), err
}

// toggle opens and closes a record by key.
func toggle(ctx context.Context) ([]string, error) {
	// The browser moves the focus to a link's target a frame or two later.
	settle := `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
		window.record = document.querySelector("details.rec:not([open])");
		record.firstElementChild.id = "toggled";
		done();
	})))`
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](settle, chromedp.EvalAwaitPromise)); err != nil {
		return nil, fmt.Errorf("find a closed record: %w", err)
	}
	var faults []string
	for _, step := range []struct{ what, js string }{
		{"Enter opens a record", `record.open`}, {"Enter closes it again", `!record.open`},
	} {
		if err := press(ctx, "#toggled", kb.Enter); err != nil {
			return nil, err
		}
		more, err := expect(ctx, step.what, step.js)
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	}
	return faults, nil
}

// tabbing presses Tab until everything must have been reached.
func tabbing(ctx context.Context, _ string) ([]string, error) {
	start := `document.activeElement.blur(); scrollTo(0, 0); getSelection().removeAllRanges(); 0`
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](start)); err != nil {
		return nil, fmt.Errorf("go to the top: %w", err)
	}
	n, err := chromedp.Run(ctx, chromedp.Evaluate[int](keyboardJS))
	if err != nil {
		return nil, fmt.Errorf("list controls: %w", err)
	}
	// Twice round: an event that is late may have moved the focus meanwhile.
	for i := range 2*n + 10 {
		if err := chromedp.Do(ctx, chromedp.KeyEvent(kb.Tab)); err != nil {
			return nil, fmt.Errorf("press Tab: %w", err)
		}
		if i%20 != 0 {
			continue
		}
		left, err := chromedp.Run(ctx, chromedp.Evaluate[int](`wanted.size`))
		if err != nil || left == 0 {
			break
		}
	}
	faults, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[
		...[...wanted].slice(0, 5).map(e => "Tab does not reach " + e.outerHTML.slice(0, 90)),
		...[...unmarked].slice(0, 5).map(e => "focus cannot be seen on " + e.outerHTML.slice(0, 90))]`))
	if err != nil {
		return nil, fmt.Errorf("list what was reached: %w", err)
	}
	if n < 20 {
		faults = append(faults, fmt.Sprintf("only %d controls", n))
	}
	return faults, nil
}

// withoutScripts: everything is there, nothing that needs a script is shown,
// and a link still opens its record.
func withoutScripts(ctx context.Context, url string) ([]string, error) {
	faults, err := expect(ctx, "controls that need a script are hidden",
		`![...document.querySelectorAll(".js-only")].some(e => e.checkVisibility())`)
	if err != nil {
		return nil, err
	}
	link := `(document.querySelector("td.cell.is-good a") || document.querySelector("td.cell a")).getAttribute("href")`
	hash, err := chromedp.Run(ctx, chromedp.Evaluate[string](link))
	if err != nil {
		return nil, fmt.Errorf("find a link: %w", err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url+hash)); err != nil {
		return nil, fmt.Errorf("follow a link: %w", err)
	}
	more, err := expect(ctx, "a link opens its record without scripts", `document.getElementById(location.hash.slice(1)).checkVisibility()`)
	return append(faults, more...), err
}
