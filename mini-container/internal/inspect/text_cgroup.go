package inspect

import (
	"fmt"
	"strings"
)

func (t *textWriter) cgroup(r *Report) {
	c := r.Cgroup
	if c == nil {
		return
	}
	t.section("CGROUP")
	rows := [][]string{}
	if c.Path != "" {
		rows = append(rows, []string{"v2", safe(c.Path)})
	}
	for _, v1 := range c.V1 {
		rows = append(rows, []string{v1.Controllers, safe(v1.Path)})
	}
	t.table(rows)
	if len(c.Limits) > 0 {
		t.limits(c.Limits)
	}
	t.devices(c.DevicePrograms)
}

// devices tells no program from not known.
func (t *textWriter) devices(programs []DeviceProgram) {
	if programs == nil {
		return
	}
	if len(programs) == 0 {
		t.line("  no BPF program decides over devices")
		return
	}
	rows := [][]string{{"DEVICE PROGRAM", "ID", "TAG", "ATTACHED TO", "ASKED"}}
	for _, p := range programs {
		asked := "yes"
		if !p.Effective {
			asked = "no, one below replaces it"
		}
		cgroup := "above what you see"
		if p.Cgroup != "" {
			cgroup = safe(p.Cgroup)
		}
		rows = append(rows, []string{dash(safe(p.Name)), fmt.Sprint(p.ID), dash(p.Tag), cgroup, asked})
	}
	t.table(rows)
}

func (t *textWriter) limits(limits []Limit) {
	rows := [][]string{{"LIMIT", "OWN", "EFFECTIVE", "SET BY"}}
	for _, l := range limits {
		rows = append(rows, []string{strings.TrimSpace(l.File + " " + l.Device), dash(l.Own), dash(l.Effective), dash(safe(l.SetBy))})
	}
	t.table(rows)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
