package bpfjson

// Kind says what a line is.
type Kind string

// The kinds of lines. A type that is not listed keeps bpftrace's own name.
const (
	Blank        Kind = "blank"           // nothing: 0.17-0.23 print two of them before the maps
	Text         Kind = "text"            // not JSON; Message.Text holds it
	Attached     Kind = "attached"        // every probe is attached (the notification, not a guess)
	ProbeCount   Kind = "attached_probes" // Message.Count; before attaching up to 0.23, after from 0.24
	Value        Kind = "value"           // one print(); Message.Value
	Map          Kind = "map"             // Message.Maps, scalar values
	Hist         Kind = "hist"            // Message.Maps, buckets
	Lost         Kind = "lost_events"     // Message.Count events were lost
	HelperError  Kind = "helper_error"    // Message.Text: the helper and its message
	RuntimeError Kind = "runtime_error"   // Message.Text
)

// Message is one decoded line.
type Message struct {
	Kind  Kind
	Text  string      // Text, HelperError, RuntimeError
	Count uint64      // ProbeCount, Lost
	Value any         // Value: json.Number, string, bool, nil or []any of these
	Maps  []MapValues // Map, Hist
}

// MapValues is one printed map.
type MapValues struct {
	Name    string  // with its "@"
	Entries []Entry // in the order printed; a key may come twice, since keys are lossy
}

// Entry is one element of a map.
type Entry struct {
	Key     string // as printed, "" for a map without keys; several keys are joined by ","
	Keyed   bool
	Value   any      // Map: as in Message.Value
	Buckets []Bucket // Hist
}

// Bucket is a closed interval of a histogram and the samples in it. A missing
// bound is nil: lhist prints one below and one above its range.
type Bucket struct {
	Min, Max *int64
	Count    uint64
}
