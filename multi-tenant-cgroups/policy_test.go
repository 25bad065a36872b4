package multitenantcgroups_test

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

//go:embed policies/two-tenants.yaml
var twoTenants string

func TestParsePolicyExample(t *testing.T) {
	p, err := mtc.ParsePolicy([]byte(twoTenants))
	require.NoError(t, err)
	require.Equal(t, "multi-tenant", p.Root)
	require.Equal(t, mtc.AdmissionReport, p.Admission)
	require.Len(t, p.Tenants, 2)
	require.Equal(t, mtc.Tenant{Name: "alpha", Limits: map[string]string{
		"memory.max": "67108864", "memory.swap.max": "0", "pids.max": "20", "cpu.max": "50000 100000",
	}}, p.Tenants[0])
}

func TestParsePolicyFaults(t *testing.T) {
	tests := []struct {
		name, old, new, want string
	}{
		{"unknown key", "pids.max: 20", "pids.maxx: 20", "additionalProperties"},
		{"unknown top key", "root:", "rooot:", "additionalProperties"},
		{"duplicate key", "pids.max: 20", "pids.max: 20\n      pids.max: 21", "already defined"},
		{"duplicate tenant", "name: beta", "name: alpha", `tenant "alpha" occurs twice`},
		{"slash in a name", "name: beta", "name: a/b", "/tenants/1/name  pattern"},
		{"dots as a name", "name: beta", "name: ..", "/tenants/1/name  pattern"},
		{"reserved name", "name: beta", "name: verify-x", "/tenants/1/name  not"},
		{"root climbs", "root: multi-tenant", "root: ../init.scope", "/root  pattern"},
		{"fraction", "memory.max: 64M", "memory.max: 1.5G", "memory.max"},
		{"negative", "memory.max: 64M", "memory.max: -1", "memory.max  minimum"},
		{"less than a page", "memory.max: 64M", "memory.max: 1K", "less than one page"},
		{"too many bytes", "memory.max: 64M", "memory.max: 99999999T", "more than 2^63-1"},
		{"no processes", "pids.max: 20", "pids.max: 0", "pids.max  minimum"},
		{"quota too small", `"50000 100000"`, `"0500 100000"`, "quota of at least 1000"},
		{"period too long", `"50000 100000"`, `"50000 2000000"`, "period of 1000 to 1000000"},
		{"wrong schema", "cgroup-policy/v1", "cgroup-policy/v2", "/schema  const"},
		{"two documents", "root: multi-tenant", "root: multi-tenant\n---\n{}", ""},
		{"not yaml", "schema:", "\tschema:", "parse policy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(twoTenants, tt.old, tt.new, 1)
			require.NotEqual(t, twoTenants, text)
			_, err := mtc.ParsePolicy([]byte(text))
			require.ErrorContains(t, err, tt.want)
		})
	}
	_, err := mtc.ParsePolicy(nil)
	require.ErrorContains(t, err, "no document")
	_, err = mtc.ParsePolicy(make([]byte, 2<<20))
	require.ErrorContains(t, err, "longer than")
}

func TestCanonical(t *testing.T) {
	tests := []struct {
		name, control, value, want string
	}{
		{"rounds down to pages", mtc.MemoryMax, "4097", "4096"},
		{"suffix", mtc.MemoryMax, "1G", "1073741824"},
		{"so much that it is max", mtc.MemoryMax, "9223372036854775807", "max"},
		{"swap of nothing", mtc.SwapMax, "0", "0"},
		{"leading zeros", mtc.PidsMax, "0005", "5"},
		{"too many pids", mtc.PidsMax, "4194305", ""},
		{"period is added", mtc.CPUMax, "50000", "50000 100000"},
		{"max with period", mtc.CPUMax, "max 20000", "max 20000"},
		{"three fields", mtc.CPUMax, "1000 1000 1", ""},
		{"unknown control", "io.max", "1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mtc.Canonical(tt.control, tt.value, 4096)
			require.Equal(t, tt.want == "", err != nil, "%v", err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestAdmit(t *testing.T) {
	p, err := mtc.ParsePolicy([]byte(strings.Replace(twoTenants, "pids.max: 12", "", 1)))
	require.NoError(t, err)
	got := mtc.Admit(p, mtc.Capacity{CPUs: 1, MemoryBytes: 64 << 20, Pids: 40})
	require.Equal(t, []mtc.Admission{
		{Control: "cpu.max", DemandRatio: 0.8},
		{Control: "memory.max", DemandRatio: 1.5, Overcommit: true},
		{Control: "pids.max", DemandRatio: 1.5, Overcommit: true, Unlimited: 1},
	}, got)
	require.Equal(t, "pids.max: limits add up to 1.50 of the machine (1 unlimited)", got[2].String())
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(twoTenants)
	f.Add("schema: cgroup-policy/v1\nroot: r\ntenants: [{name: a, limits: {cpu.max: max}}]\n")
	f.Add("&a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := mtc.ParsePolicy([]byte(text))
		if err != nil {
			return
		}
		require.NotContains(t, p.Root, "/")
		for _, tenant := range p.Tenants {
			require.NotContains(t, tenant.Name, "/")
			require.NotContains(t, tenant.Name, ".")
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"", "0", "64M", "9223372036854775807", "8T", "M", "1e3", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := mtc.ParseSize(text)
		if err == nil {
			require.LessOrEqual(t, n, uint64(1<<63-1))
		}
	})
}
