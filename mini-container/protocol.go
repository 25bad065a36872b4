package minicontainer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
	"namespaces-cgroups-ebpf/mini-container/internal/xdr"
)

// Supervisor and child talk over two pipes, and only in this order: the
// configuration in; one message out when all is set up (or an error); one word
// in to go on; nothing out if the exec worked, else an error. Each is sent as
// its length in 4 bytes and that many bytes of XDR (see wire.go); what would
// not fit into the length is not sent (CVE-2021-43784 was one of 16 bits).

// maxMessage bounds, in bytes, what either side will read from the other.
const maxMessage = 1 << 20

// goAhead is the supervisor's word to exec the command.
const goAhead = "exec"

// config is what the supervisor says first.
type config struct {
	Spec   *specs.Spec // but for what is not the child's business
	Extra  Extra
	Filter *seccomp.Filter // what has become of the profile in Spec
	Marks  bool            // see Container.Marks
	Files  uint64          // soft limit of open files that our caller had; 0 is unknown

	// Descriptors of mounts to use instead of the paths: for the rootfs, and
	// by index for Spec.Mounts.
	RootTree   int
	MountTrees map[int]int

	Verdict int // descriptor on which our PID 1 says which signal ended the command
}

// message is what the child says.
type message struct {
	Steps    []StepTiming // done so far, in order
	Hostname string       // uname(2) in the container
	Error    *stepError   // why there will be no command
}

// stepError carries a failed step out of the container. It is the one error
// whose step a caller wants to know.
type stepError struct {
	Step    string
	Message string
	Code    int // exit code of the supervisor
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
func send[T any](w io.Writer, v *T, filter xdr.Filter[T]) error {
	data, err := xdr.Encode(v, filter)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(data) > maxMessage {
		return fmt.Errorf("message of %d bytes is over the limit of %d", len(data), maxMessage)
	}
	framed := binary.BigEndian.AppendUint32(make([]byte, 0, len(data)+4), uint32(len(data))) //nolint:gosec // just checked
	if _, err := w.Write(append(framed, data...)); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// receive reads one message: io.EOF if there is none any more, anything else
// if there is one but not whole.
func receive[T any](r io.Reader, v *T, filter xdr.Filter[T]) error {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxMessage {
		return fmt.Errorf("message of %d bytes is over the limit of %d", n, maxMessage)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); errors.Is(err, io.EOF) {
		return fmt.Errorf("read message: %w", io.ErrUnexpectedEOF)
	} else if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if err := xdr.Decode(data, v, filter); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	return nil
}
