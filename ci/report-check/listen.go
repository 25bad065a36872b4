package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// listener takes down what a tab complains of and asks for.
type listener struct {
	url    string
	mu     sync.Mutex
	opened bool // the page itself was asked for
	faults []string
}

func (l *listener) start(ctx context.Context) error {
	if err := chromedp.Listen(ctx, l.hear); err != nil {
		return fmt.Errorf("listen to tab: %w", err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		return fmt.Errorf("listen to network: %w", err)
	}
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{runtime.Enable, log.Enable} {
		if _, err := chromedp.Call(ctx, enable, cdp.Empty{}); err != nil {
			return fmt.Errorf("listen to console: %w", err)
		}
	}
	return nil
}

func (l *listener) hear(event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := event.(*network.EventRequestWillBeSent); ok && e.Request.URL == l.url {
		l.opened = true
	} else if f := fault(event); f != "" {
		l.faults = append(l.faults, f)
	}
}

// all returns the faults. A listener that has not even heard of the page itself
// was deaf.
func (l *listener) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.opened {
		return append(slices.Clone(l.faults), "the page was never asked for")
	}
	return slices.Clone(l.faults)
}

// fault tells what a browser's event says against a page.
func fault(event any) string {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		return "exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		return fmt.Sprintf("console.%s was called", e.Type)
	case *log.EventEntryAdded:
		return fmt.Sprintf("console: %s: %s", e.Entry.Level, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			return "asked for " + e.Request.URL
		}
	case *cdppage.EventJavascriptDialogOpening:
		return "opened a dialog"
	}
	return ""
}
