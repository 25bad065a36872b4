package kernels

import (
	"net/url"
	"sync"
	"time"
)

// outageMemory is how long a host that could not be reached is left alone, so
// that five series of three suites do not wait for it fifteen times.
const outageMemory = time.Minute

// outages remembers which hosts could not be reached, and what apt said. The
// zero value is ready; several goroutines may use it.
type outages struct {
	mu    sync.Mutex
	hosts map[string]outage
}

type outage struct {
	since time.Time
	err   error
}

func (o *outages) remember(uri string, now time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hosts == nil {
		o.hosts = map[string]outage{}
	}
	o.hosts[hostOf(uri)] = outage{now, err}
}

// recall returns the error of a recent outage of the URI's host, or nil.
func (o *outages) recall(uri string, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	past, ok := o.hosts[hostOf(uri)]
	if !ok || now.Sub(past.since) > outageMemory {
		return nil
	}
	return past.err
}

// hostOf is the part of a URI that is up or down; for file: it is the path.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return uri
	}
	return u.Host
}
