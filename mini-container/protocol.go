package minicontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
)

// Supervisor and child talk JSON over two pipes, and only in this order:
// the configuration in; one message out when all is set up (or an error);
// one word in to go on; nothing out if the exec worked, else an error.
// No binary protocol of our own (CVE-2021-43784 was a 16-bit length).

// maxMessage bounds, in bytes, what either side will read from the other.
const maxMessage = 1 << 20

// goAhead is the supervisor's word to exec the command.
const goAhead = "exec"

// config is what the supervisor says first.
type config struct {
	Spec   *specs.Spec     `json:"-"`
	Wire   *carried        `json:"spec"` // Spec as it is sent
	Extra  Extra           `json:"extra"`
	Filter *seccomp.Filter `json:"filter,omitempty"` // what has become of it
	Marks  bool            `json:"marks,omitempty"`  // see Container.Marks
	Files  uint64          `json:"files"`            // soft limit of open files that our caller had; 0 is unknown

	// Descriptors of mounts to use instead of the paths: for the rootfs, and
	// by index for Spec.Mounts.
	RootTree   int         `json:"root_tree,omitempty"`
	MountTrees map[int]int `json:"mount_trees,omitempty"`

	Verdict int `json:"verdict,omitempty"` // descriptor on which our PID 1 says which signal ended the command
}

// newConfig readies a configuration for being sent or kept.
func newConfig(spec *specs.Spec, extra Extra, filter *seccomp.Filter) config {
	return config{Spec: spec, Wire: carry(spec), Extra: extra, Filter: filter}
}

// errNoConfig is a configuration without its parts.
var errNoConfig = errors.New("there is no configuration")

// arrived completes one that was decoded.
func (c *config) arrived() error {
	if c.Wire == nil || c.Wire.Process == nil || c.Wire.Root == nil || c.Wire.Linux == nil {
		return errNoConfig
	}
	c.Spec = c.Wire.spec()
	return nil
}

// message is what the child says.
type message struct {
	Steps    []StepTiming `json:"steps,omitempty"`    // done so far, in order
	Hostname string       `json:"hostname,omitempty"` // uname(2) in the container
	Error    *stepError   `json:"error,omitempty"`    // why there will be no command
}

// stepError carries a failed step out of the container. It is the one error
// whose step a caller wants to know.
type stepError struct {
	Step    string `json:"step"`
	Message string `json:"message"`
	Code    int    `json:"code"` // exit code of the supervisor
}

// Error reads "pivot-root: pivot_root(2): invalid argument".
func (e *stepError) Error() string { return e.Step + ": " + e.Message }

// failure returns the child's error, if any, with the exit code it chose.
func (m message) failure() error {
	if m.Error == nil {
		return nil
	}
	return exitcode.With(m.Error.Code, m.Error)
}

// send writes one message, refusing one that the other side would not read.
func send(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(data) >= maxMessage {
		return fmt.Errorf("message of %d bytes is over the limit of %d", len(data), maxMessage)
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// newReceiver decodes messages from r, at most maxMessage bytes in all.
func newReceiver(r io.Reader) *json.Decoder {
	decoder := json.NewDecoder(io.LimitReader(r, maxMessage))
	decoder.DisallowUnknownFields()
	return decoder
}
