package doctor

// Schema is the name of the schema of a Report.
const Schema = "doctor/v1"

// Status of a check.
type Status string

// A warning is a limit of this machine; a failure keeps something from working
// at all; unknown could not be found out.
const (
	OK      Status = "ok"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Unknown Status = "unknown"
)

// Report is doctor/v1.
type Report struct {
	Schema string  `json:"schema"`
	OK     bool    `json:"ok"` // no check failed
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Status Status `json:"status"`
	Value  string `json:"value"`            // as found
	Detail string `json:"detail,omitempty"` // what follows from it
	Remedy string `json:"remedy,omitempty"` // what to do, unless ok
}

// New sums up checks, in this order.
func New(checks ...Check) Report {
	r := Report{Schema: Schema, OK: true, Checks: checks}
	for _, c := range checks {
		r.OK = r.OK && c.Status != Fail
	}
	return r
}
