package connsnoop

// Precision says how far a field can be trusted.
type Precision string

// The precisions. Best effort means right unless the kernel skipped a probe or
// another CPU was at the socket in that moment; Field.Why says when.
const (
	Exact      Precision = "exact"
	BestEffort Precision = "best effort"
	Absent     Precision = "absent"
)

// Field is a property of conn-event/v1, and what each backend makes of it.
type Field struct {
	Name                        string
	Fentry, KprobeMulti, Kprobe Precision
	Why                         string // what keeps it from being exact
}

// In is the precision of the field with a backend.
func (f Field) In(b Backend) Precision {
	switch b {
	case BackendFentry:
		return f.Fentry
	case BackendKprobeMulti:
		return f.KprobeMulti
	case BackendKprobe:
		return f.Kprobe
	}
	return Absent
}

// Reasons that several fields share.
const (
	whyReturns = "when more threads wait in accept than the kernel keeps slots for returns, it skips some: " +
		"the opener is then found at close (pid_source close) or not at all"
	whySYN  = "without a hook on tcp_connect, a SYN that waits for data (TCP_FASTOPEN_CONNECT) counts from connect on"
	whyLock = "tcp_close is entered before the socket is locked: a segment may change the state in between"
)

// Fields is the table of backends and fields. The differential test runs
// every scenario with every backend and holds the records against it.
func Fields() []Field {
	exact := func(name string) Field { return Field{name, Exact, Exact, Exact, ""} }
	returns := func(name string) Field { return Field{name, Exact, BestEffort, BestEffort, whyReturns} }
	return []Field{
		exact("type"), exact("direction"), exact("protocol"), exact("family"), exact("v4_mapped"),
		exact("local_addr"), exact("local_port"), exact("remote_addr"), exact("remote_port"),
		returns("pid"), returns("tid"), returns("uid"), returns("comm"), returns("opener"), returns("pid_source"),
		returns("cgroup"), returns("container"),
		exact("closer_pid"), exact("closer"), exact("netns_inode"), exact("result"), exact("errno"),
		returns("duration_ns"), exact("tx_bytes"), exact("rx_bytes"),
		exact("retransmits_count"), exact("srtt_ns"), exact("min_rtt_ns"),
		{"state", Exact, Exact, BestEffort, whyLock},
		returns("opened_at"), exact("closed_at"), returns("opened_monotonic_ns"), exact("closed_monotonic_ns"),
		returns("established_monotonic_ns"),
		{"connect_latency_ns", Exact, Exact, BestEffort, whySYN},
		exact("clock_offset_ns"), exact("mptcp"), exact("tfo"), exact("seeded"), exact("backend"),
	}
}
