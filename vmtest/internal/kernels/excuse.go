package kernels

import (
	"fmt"
	"path/filepath"
	"strings"
)

// note remembers a mirror for the message.
func (s *search) note(uri string) {
	s.tried = appendNew(s.tried, withoutPassword(uri))
}

// reasons is what went wrong, on one line; empty when nothing did.
func (s *search) reasons() string {
	texts := make([]string, 0, len(s.faults))
	for _, err := range s.faults {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

// remark is the reasons for a Note: reports hold no path of the host.
func (s *search) remark() string {
	return strings.ReplaceAll(s.reasons(), filepath.Dir(s.store.dir), "$VMTEST_CACHE")
}

// nothing is the error when no mirror and no cache has the series. A cache
// that cannot be written is a fault of its own: the kernel may be there.
func (s *search) nothing() error {
	for _, err := range s.faults {
		if isReadOnly(err) || isFull(err) {
			return fmt.Errorf("fetch kernel %s: %w", s.series.Series, err)
		}
	}
	detail := s.reasons()
	if detail == "" {
		detail = "no complete set of packages in the index"
	}
	return fmt.Errorf("kernel %s: %w in suites %s of mirrors %s: %s; name other mirrors with VMTEST_MIRRORS "+
		"(URIs, best first) or a directory of .deb files with VMTEST_PACKAGE_DIR", s.series.Series, ErrUnavailable,
		strings.Join(s.series.Suites, ", "), strings.Join(s.tried, ", "), detail)
}
