package guest

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the contract's tables: file systems, disks and sysctls.
func Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| File system | Type | Options | For |\n|---|---|---|---|\n")
	for _, m := range Mounts() {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s%s |\n", m.Target, m.Type, m.Options, m.Reason, optional(m))
	}
	b.WriteString("\n| Disk (`/dev/disk/by-id/virtio-...`) | Mounted on | Options | For |\n|---|---|---|---|\n")
	for _, d := range Disks() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.Serial, code(d.Target), code(d.Options), d.Reason)
	}
	b.WriteString("\n| Sysctl | Value | Why |\n|---|---|---|\n")
	for _, s := range sysctls {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", s.Name, s.Value, s.Reason)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write contract: %w", err)
	}
	return nil
}

func optional(m Mount) string {
	if m.Required {
		return ""
	}
	return " (where the kernel has it)"
}

func code(s string) string {
	if s == "" {
		return "-"
	}
	return "`" + s + "`"
}
