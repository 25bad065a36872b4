package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// view is a way of looking at a page.
type view struct {
	width   int64
	scheme  string
	scripts bool
}

func (v view) String() string {
	if !v.scripts {
		return fmt.Sprintf("%s-%d-noscript", v.scheme, v.width)
	}
	return fmt.Sprintf("%s-%d", v.scheme, v.width)
}

func views() []view {
	return []view{
		{1280, "light", true}, {1280, "dark", true}, {360, "light", true}, {360, "dark", true}, {1280, "light", false},
	}
}

// maxShot bounds a screenshot's height.
const maxShot = 6000

// check opens a page in a tab of its own and returns what is wrong with it.
func check(ctx context.Context, page, dir string, v view) ([]string, error) {
	ctx, cancel := chromedp.NewContext(ctx)
	defer cancel()
	url, err := fileURL(page)
	if err != nil {
		return nil, err
	}
	heard := &listener{url: url}
	if err := heard.start(ctx); err != nil {
		return nil, err
	}
	if err := v.prepare(ctx); err != nil {
		return nil, err
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		return nil, fmt.Errorf("open page: %w", err)
	}
	if err := shot(ctx, filepath.Join(dir, name(page)+"-"+v.String()+".png"), v); err != nil {
		return nil, err
	}
	faults, err := inspect(ctx, url, v)
	return append(faults, heard.all()...), err
}

// prepare makes the tab look as the view says.
func (v view) prepare(ctx context.Context) error {
	_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: v.width, Height: 900, DeviceScaleFactor: 1, Mobile: v.width < 600,
	})
	if err != nil {
		return fmt.Errorf("set window size: %w", err)
	}
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}},
	})
	if err != nil {
		return fmt.Errorf("set colour scheme: %w", err)
	}
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !v.scripts})
	if err != nil {
		return fmt.Errorf("switch scripts: %w", err)
	}
	return nil
}

func fileURL(page string) (string, error) {
	abs, err := filepath.Abs(page)
	if err != nil {
		return "", fmt.Errorf("find page: %w", err)
	}
	if _, err := os.Stat(abs); err != nil {
		return "", fmt.Errorf("find page: %w", err)
	}
	return "file://" + abs, nil
}

func shot(ctx context.Context, path string, v view) error {
	height, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	if err != nil {
		return fmt.Errorf("measure page: %w", err)
	}
	beyond := true
	got, err := chromedp.Call(ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{
		CaptureBeyondViewport: &beyond,
		Clip:                  &cdppage.Viewport{Width: float64(v.width), Height: float64(min(height, maxShot)), Scale: 1},
	})
	if err != nil {
		return fmt.Errorf("take screenshot: %w", err)
	}
	if err := os.WriteFile(path, got.Data, 0o644); err != nil {
		return fmt.Errorf("keep screenshot: %w", err)
	}
	return nil
}
