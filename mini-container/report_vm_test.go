//go:build vmtest && linux

package minicontainer_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// artifact is where a report goes so that the harness validates it too.
func artifact(t *testing.T, name string) string {
	dir := os.Getenv("VMTEST_OUT")
	require.NotEmpty(t, dir, "VMTEST_OUT is where reports go")
	return filepath.Join(dir, name)
}

// readReport is strict about names. Whether the report keeps to its schema is
// for the harness to say, on the host: a validator in this binary would be
// started, slowly, with every probe.
func readReport(t *testing.T, path string) minicontainer.Report {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var report minicontainer.Report
	require.NoError(t, decoder.Decode(&report))
	require.Equal(t, minicontainer.ReportSchema, report.Schema)
	return report
}

// view is what the test itself has seen of a container.
type view struct {
	pid                      int
	namespaces, hostSpaces   map[string]string
	status                   map[string]string
	mountinfo                []string
	uidMap, gidMap, hostname string
}

// look reads the kernel's view of a process from outside.
func look(t *testing.T, pid int) view {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	return view{
		pid: pid, namespaces: namespaceLinks(dir), hostSpaces: namespaceLinks("/proc/self"),
		status: statusFields(dir), mountinfo: readLines(dir + "/mountinfo"),
		uidMap: readText(dir + "/uid_map"), gidMap: readText(dir + "/gid_map"), hostname: hostnameOf(t, pid),
	}
}

// requireReport compares a report with what the test has seen.
func requireReport(t *testing.T, v view, report minicontainer.Report) {
	t.Helper()
	require.NotNil(t, report.Isolation)
	require.Equal(t, v.pid, report.PID)
	require.Equal(t, v.hostname, report.Hostname)
	require.Equal(t, v.status["NoNewPrivs"] == "1", report.NoNewPrivs)
	require.Equal(t, strings.Fields(v.uidMap), mappingFields(report.UIDMappings))
	require.Equal(t, strings.Fields(v.gidMap), mappingFields(report.GIDMappings))
	require.Len(t, report.Namespaces, len(v.namespaces))
	for _, ns := range report.Namespaces {
		link := v.namespaces[ns.Type]
		require.Equal(t, ns.Type+":["+strconv.FormatUint(ns.Inode, 10)+"]", link)
		require.Equal(t, v.hostSpaces[ns.Type] == link, ns.SharedWithHost, ns.Type)
	}
	for field, set := range map[string]string{
		"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapBnd": "bounding", "CapAmb": "ambient",
	} {
		require.Equal(t, v.status[field], capMask(t, report.Capabilities[set]), set)
	}
	require.Equal(t, mountTargets(v.mountinfo), reportTargets(report.Mounts))
}

func mappingFields(mappings []minicontainer.IDMapping) []string {
	var fields []string
	for _, m := range mappings {
		for _, n := range []uint32{m.ContainerID, m.HostID, m.Size} {
			fields = append(fields, strconv.FormatUint(uint64(n), 10))
		}
	}
	return fields
}

// mountTargets is target, type and options of each line of mountinfo.
func mountTargets(lines []string) []string {
	var targets []string
	for _, line := range lines {
		fields := strings.Fields(line)
		_, after, _ := strings.Cut(line, " - ")
		kind, _, _ := strings.Cut(after, " ")
		targets = append(targets, fields[4]+" "+kind+" "+fields[5])
	}
	return targets
}

func reportTargets(mounts []minicontainer.Mount) []string {
	var targets []string
	for _, m := range mounts {
		targets = append(targets, m.Target+" "+m.Type+" "+strings.Join(m.Options, ","))
	}
	return targets
}

// keep copies a report to where the harness looks for it.
func keep(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(artifact(t, filepath.Base(path)), data, 0o644))
}
