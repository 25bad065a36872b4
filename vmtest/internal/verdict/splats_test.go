package verdict_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// recorded is a time at which no exception had expired.
var recorded = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

func shipped(t *testing.T) *verdict.Splats {
	t.Helper()
	s, err := verdict.ShippedSplats()
	require.NoError(t, err)
	return s
}

// lists are the shipped lists as they are in the file.
func lists(t *testing.T) (file struct {
	Deny  []verdict.Denial    `json:"deny"`
	Allow []verdict.Allowance `json:"allow"`
}) {
	t.Helper()
	data, err := os.ReadFile("splats.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &file))
	return file
}

// TestDenied: every example of the list is found, and named; the same words
// from user space are not.
func TestDenied(t *testing.T) {
	s := shipped(t)
	for _, d := range lists(t).Deny {
		for _, line := range d.Examples {
			require.Equal(t, d.What, s.Find(wire.Kmsg{Text: line}, verdict.Conditions{At: recorded}), line)
			require.Empty(t, s.Find(wire.Kmsg{Text: line, Facility: 1}, verdict.Conditions{At: recorded}), "from user space: %s", line)
		}
	}
}

// TestHarmless: what healthy kernels, programs' faults and tests' own limits
// say, with alarming words in it.
func TestHarmless(t *testing.T) {
	for _, line := range []string{
		"traps: test[301] general protection fault ip:401000 sp:7ffd error:0 in test[401000+1000]",
		"test[301]: segfault at 0 ip 0000000000401000 sp 00007ffd error 4 in test[401000+1000]",
		"Memory cgroup out of memory: Killed process 301 (test) total-vm:1000kB",
		"Out of memory: Killed process 12 (stress-ng)",
		"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)",
		"Warning: unable to open an initial console.",
		"cgroup: fork rejected by pids controller in /a",
		"said: BUG: not really",
		"PCI: if necessary, use \"pci=nocrs\" and report a bug",
		"Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!",
		"Spectre V1 : Vulnerable: __user pointer sanitization and usercopy barriers only; no swapgs barriers",
		"MDS: Vulnerable: Clear CPU buffers attempted, no microcode",
		"unchecked MSR access error: WRMSR to 0x122 (tried to write 0x0000000000000003) at rIP: 0xffffffff",
		"module verification failed: signature and/or required key missing - tainting kernel",
		"perf: interrupt took too long (2501 > 2500), lowering kernel.perf_event_max_sample_rate to 79750",
		"hrtimer: interrupt took 28125373 ns",
		"clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:",
		"BPF: failed to validate module [dummy] BTF: -22",
		"EXT4-fs (vda): warning: mounting unchecked fs, running e2fsck is recommended",
		"device-mapper: core: CONFIG_IMA_DISABLE_HTABLE is disabled. Duplicate IMA measurements will not be recorded in the IMA log.",
		"x86/cpu: User Mode Instruction Prevention (UMIP) activated",
		"WARNING: this is what a driver says",
	} {
		require.Empty(t, shipped(t).Find(wire.Kmsg{Text: line}, verdict.Conditions{At: recorded}), line)
	}
}

// alarming are words that make people look twice.
var alarming = regexp.MustCompile(`(?i)warn|\bbug\b|fail|error|unchecked|vulnerab|stall|lockup|taint|oops|unable|bad|corrupt|invalid`)

// TestCleanBoots: no line of a healthy boot of any kernel is a complaint, with
// or without exceptions. Lines that look like one are printed, for people.
func TestCleanBoots(t *testing.T) {
	for _, kernel := range []string{"5.10", "6.1", "6.12", "6.18", "7"} {
		t.Run(kernel, func(t *testing.T) {
			lines := kmsgLines(t, filepath.Join("testdata", "boots", "kmsg-"+kernel+".txt"))
			require.Greater(t, len(lines), 200)
			for _, line := range lines {
				require.Empty(t, shipped(t).Find(line, verdict.Conditions{}), line.Text)
				if alarming.MatchString(line.Text) {
					t.Logf("healthy: %s", line.Text)
				}
			}
			require.Empty(t, verdict.Complaints(lines, verdict.Conditions{At: recorded}))

			console, err := os.ReadFile(filepath.Join("testdata", "boots", "console-"+kernel+".txt"))
			require.NoError(t, err)
			trace := green()
			trace.Console = console
			gotest, exit := judge(trace)
			require.Empty(t, gotest.Reason)
			require.Empty(t, exit.Reason)
		})
	}
}

// kmsgLines reads records as /dev/kmsg gives them.
func kmsgLines(t *testing.T, path string) []wire.Kmsg {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var lines []wire.Kmsg
	for record := range strings.Lines(string(data)) {
		head, text, ok := strings.Cut(strings.TrimSuffix(record, "\n"), ";")
		if !ok || record[0] == ' ' {
			continue // a property of the record before
		}
		priority, err := strconv.Atoi(head[:strings.IndexByte(head, ',')])
		require.NoError(t, err)
		lines = append(lines, wire.Kmsg{Level: priority & 7, Facility: priority >> 3, Text: text})
	}
	return lines
}

// TestAllowed: an exception holds under its conditions and until its last day.
func TestAllowed(t *testing.T) {
	s := parse(t, `{"schema":"splat-list/v1",
		"deny":[{"name":"stall","what":"RCU stall","pattern":"^rcu: INFO: ","reason":"rcu","examples":["rcu: INFO: x"]}],
		"allow":[{"name":"slow","pattern":"^rcu: INFO: ","reason":"a slow host does it","link":"https://example.org/","expires":"2027-01-31",
		"kernels":["6.12","7"],"emulated":true,"examples":["rcu: INFO: x"]}]}`)
	line := wire.Kmsg{Text: "rcu: INFO: rcu_sched self-detected stall on CPU"}
	in := func(release string, emulated bool, at string) verdict.Conditions {
		day, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		return verdict.Conditions{Release: release, Emulated: emulated, At: day}
	}
	const lastSecond, over = "2027-01-31T23:59:59Z", "2027-02-01T00:00:00Z"
	tests := []struct {
		name string
		when verdict.Conditions
		want string
	}{
		{"holds", in("6.12.117+deb13-cloud-amd64", true, lastSecond), ""},
		{"holds for all of 7", in("7.2.12+deb13-cloud-amd64", true, lastSecond), ""},
		{"expired", in("6.12.117", true, over), "RCU stall (exception slow expired on 2027-01-31)"},
		{"time not known", verdict.Conditions{Release: "6.12.1", Emulated: true}, "RCU stall (exception slow expired on 2027-01-31)"},
		{"real CPUs", in("6.12.117", false, lastSecond), "RCU stall"},
		{"other kernel", in("6.1.192", true, lastSecond), "RCU stall"},
		{"kernel not known", in("weird", true, lastSecond), "RCU stall"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, s.Find(line, tt.when)) })
	}
	require.Empty(t, s.Expiring(in("", true, lastSecond).At))
	require.Len(t, s.Expiring(in("", true, over).At), 1)
}

func parse(t *testing.T, text string) *verdict.Splats {
	t.Helper()
	s, err := verdict.ParseSplats([]byte(text))
	require.NoError(t, err)
	return s
}

// TestEmulatedStalls: a CPU that stands still is the host's fault only where
// the CPU is played.
func TestEmulatedStalls(t *testing.T) {
	for _, a := range lists(t).Allow {
		for _, line := range a.Examples {
			require.NotEmpty(t, shipped(t).Find(wire.Kmsg{Text: line}, verdict.Conditions{At: recorded}), line)
			require.Empty(t, shipped(t).Find(wire.Kmsg{Text: line}, verdict.Conditions{At: recorded, Emulated: true}), line)
		}
	}
}

// TestExceptionsAreFresh fails when a shipped exception has expired, for it no
// longer holds then: look at it again, and prolong or remove it.
func TestExceptionsAreFresh(t *testing.T) {
	for _, a := range shipped(t).Expiring(time.Now()) {
		t.Errorf("exception %s expired on %s: %s (%s)", a.Name, a.Expires, a.Reason, a.Link)
	}
	for _, a := range shipped(t).Expiring(time.Now().AddDate(0, 3, 0)) {
		t.Logf("exception %s expires on %s", a.Name, a.Expires)
	}
}

// TestBrokenLists: no list is better than a wrong one, and neither is silent.
func TestBrokenLists(t *testing.T) {
	good, err := os.ReadFile("splats.json")
	require.NoError(t, err)
	change := func(old, new string) []byte {
		require.Contains(t, string(good), old)
		return bytes.Replace(good, []byte(old), []byte(new), 1)
	}
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"missing", nil, "splat lists:"},
		{"cut off", good[:len(good)/2], "splat lists:"},
		{"nothing denied", []byte(`{"schema":"splat-list/v1","deny":[],"allow":[]}`), "/deny"},
		{"pattern that is none", change(`"^Oops: "`, `"^Oops: ("`), "oops: error parsing regexp"},
		{"pattern not anchored", change(`"^Oops: "`, `"Oops: "`), "/deny/0/pattern"},
		{"pattern misses its example", change(`"^Oops: "`, `"^oops: "`), `does not match its example "Oops: 0002`},
		{"pattern that matches everything", change(`"^Oops: "`, `"^(Oops: )?"`), "matches every line"},
		{"name there twice", change(`"name": "die"`, `"name": "oops"`), "oops is there twice"},
		{"exception without end", change(`, "expires": "2030-12-31"`, ``), "expires"},
		{"exception without link", change(`"https://docs.kernel.org/RCU/stallwarn.html"`, `""`), "/allow/0/link"},
		{"exception with a date that is none", change(`"2030-12-31"`, `"2030-13-31"`), "expires"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verdict.ParseSplats(tt.data)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// FuzzParseSplats: a list is refused or can be used, and never makes a panic.
func FuzzParseSplats(f *testing.F) {
	good, err := os.ReadFile("splats.json")
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"schema":"splat-list/v1","deny":[],"allow":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := verdict.ParseSplats(data); err == nil {
			s.Find(wire.Kmsg{Text: string(data)}, verdict.Conditions{})
		}
	})
}
