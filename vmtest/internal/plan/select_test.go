package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/kernel"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

func plans() []plan.Plan {
	entry := func(deliverable, id, tier string, kernels ...string) plan.Entry {
		return plan.Entry{Deliverable: deliverable, ID: id, Tier: tier, Kernels: kernels}
	}
	return []plan.Plan{
		{Deliverable: "bpf-tour", Entries: []plan.Entry{
			entry("bpf-tour", "recipes", "default"),
			entry("bpf-tour", "soak", "full"),
		}},
		{Deliverable: "connsnoop", Entries: []plan.Entry{
			entry("connsnoop", "tcp4", "default"),
			entry("connsnoop", "old", "default", "5.10", "6.1"),
			entry("connsnoop", "new", "default", "7"),
			entry("connsnoop", "newest", "full", "7.2"),
		}},
	}
}

func TestSelect(t *testing.T) {
	tests := []struct {
		name, tier, series string
		patterns           []string
		want               []string
	}{
		{"default on any kernel", "default", "", nil, []string{"bpf-tour/recipes", "connsnoop/tcp4", "connsnoop/old", "connsnoop/new"}},
		{"default on 6.1", "default", "6.1", nil, []string{"bpf-tour/recipes", "connsnoop/tcp4", "connsnoop/old"}},
		{"6.1 is not 6.12", "default", "6.12", nil, []string{"bpf-tour/recipes", "connsnoop/tcp4"}},
		{"full on the newest 7", "full", "7", nil, []string{"bpf-tour/recipes", "bpf-tour/soak", "connsnoop/tcp4", "connsnoop/new", "connsnoop/newest"}},
		{"full on 7.1", "full", "7.1", nil, []string{"bpf-tour/recipes", "bpf-tour/soak", "connsnoop/tcp4", "connsnoop/new"}},
		{"deliverable", "full", "6.12", []string{"bpf-tour"}, []string{"bpf-tour/recipes", "bpf-tour/soak"}},
		{"entry", "default", "6.12", []string{"connsnoop/tcp4"}, []string{"connsnoop/tcp4"}},
		{"wildcards", "default", "6.1", []string{"*/o*", "bpf-*"}, []string{"bpf-tour/recipes", "connsnoop/old"}},
		{"known, but of the other tier", "default", "6.12", []string{"bpf-tour/soak"}, nil},
		{"known, but for other kernels", "default", "6.12", []string{"connsnoop/old"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := plans()
			selected, err := plan.Select(all, tt.tier, tt.series, tt.patterns)
			require.NoError(t, err)
			var got []string
			for _, p := range selected {
				require.NotEmpty(t, p.Entries)
				for _, e := range p.Entries {
					got = append(got, e.FullID())
				}
			}
			require.Equal(t, tt.want, got)
			require.Equal(t, plans(), all, "the input is left alone")
		})
	}
}

func TestSelectErrors(t *testing.T) {
	tests := []struct {
		name, tier, pattern, want string
	}{
		{"tier", "nightly", "connsnoop", `tier "nightly", want default or full`},
		{"misspelt", "default", "consnoop", `no test matches "consnoop" (deliverables: bpf-tour, connsnoop)`},
		{"entry alone", "default", "tcp4", `no test matches "tcp4"`},
		{"empty", "default", "", `no test matches ""`},
		{"bad pattern", "default", "[", `pattern "[": syntax error`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := plan.Select(plans(), tt.tier, "", []string{"bpf-tour", tt.pattern})
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestApplies(t *testing.T) {
	tests := []struct {
		name    string
		kernels []string
		feature kernel.Feature
		release string
		ok      bool
		reason  string // or error
	}{
		{"anywhere", nil, "", "5.10.0-46-cloud-amd64", true, ""},
		{"series", []string{"6.12"}, "", "6.12.43+deb13-cloud-amd64", true, ""},
		{"major", []string{"5.10", "7"}, "", "7.2.12", true, ""},
		{"other series", []string{"6.1"}, "", "6.12.43", false, "only for kernel 6.1, running 6.12.43"},
		{"major is not a prefix", []string{"7"}, "", "70.1", false, "only for kernel 7, running 70.1"},
		{"feature", nil, kernel.CgroupKill, "5.14.0", true, ""},
		{"too old", nil, kernel.CgroupKill, "5.10.0-46-cloud-amd64", false, "cgroup.kill needs kernel >= 5.14, running 5.10.0-46-cloud-amd64"},
		{"bad release", nil, "", "linux", false, "parse kernel release"},
		{"unknown feature", nil, "warp-drive", "7.2", false, "unknown kernel feature"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := plan.Entry{Kernels: tt.kernels}
			if tt.feature != "" {
				e.Needs.Features = []kernel.Feature{tt.feature}
			}
			ok, reason, err := e.Applies(tt.release)
			require.Equal(t, tt.ok, ok)
			if err != nil {
				require.Empty(t, reason)
				require.ErrorContains(t, err, tt.reason)
				return
			}
			require.Equal(t, tt.reason, reason)
		})
	}
}

func TestQuota(t *testing.T) {
	var sum time.Duration
	for _, deliverable := range []string{"mini-container", "multi-tenant-cgroups", "bpf-tour", "connsnoop"} {
		quota, ok := plan.Quota(deliverable)
		require.True(t, ok, deliverable)
		sum += quota
	}
	require.Equal(t, 240*time.Second, sum)
	_, ok := plan.Quota("vmtest")
	require.False(t, ok)
}
