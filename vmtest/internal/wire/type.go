package wire

import "fmt"

// Protocol is the number that Hello carries; both sides refuse another one.
const Protocol = 1

// Sizes in bytes that both sides hold to.
const (
	// MaxStreamBytes bounds the payload of Stdin, Stdout, Stderr and Data.
	MaxStreamBytes = 64 << 10
	// MaxJSONBytes bounds the payload of every other frame.
	MaxJSONBytes = 1 << 20
	// StdinWindowBytes is how much standard input may be unacknowledged per command.
	StdinWindowBytes = 256 << 10
)

// Type says what a frame means. Values are part of the protocol: never reuse one.
type Type uint8

// The frame types. "id" is the command or transfer that the frame belongs to;
// frames without that remark belong to the session (id 0).
const (
	// TypeHello opens the session: guest to host, payload [Hello].
	TypeHello Type = 1
	// TypeResume starts the machine's working life: host to guest, [Resume].
	TypeResume Type = 2
	// TypeReady answers Resume: guest to host, [Ready].
	TypeReady Type = 3
	// TypeRun starts a command under a fresh id: host to guest, [Run].
	TypeRun Type = 4
	// TypeStarted follows a successful start: guest to host, id, [Started].
	TypeStarted Type = 5
	// TypeStdin is raw input: host to guest, id.
	TypeStdin Type = 6
	// TypeStdinClose ends the input: host to guest, id, no payload.
	TypeStdinClose Type = 7
	// TypeStdout is raw output: guest to host, id.
	TypeStdout Type = 8
	// TypeStderr is raw error output: guest to host, id.
	TypeStderr Type = 9
	// TypeExit is the last frame of a command: guest to host, id, [Exit].
	TypeExit Type = 10
	// TypeSignal sends a signal: host to guest, id, [Signal].
	TypeSignal Type = 11
	// TypeWinsize resizes a command's terminal: host to guest, id, [Winsize].
	TypeWinsize Type = 12
	// TypePut announces a file for the guest: host to guest, fresh id, [Put];
	// then Data, DataEnd; the guest answers DataEnd with one Ack or Error.
	TypePut Type = 13
	// TypeGet asks for files: host to guest, fresh id, [Get]; the guest answers
	// with Data (a tar stream) and DataEnd, or with Error.
	TypeGet Type = 14
	// TypeData is a raw piece of a transfer: both directions, id.
	TypeData Type = 15
	// TypeDataEnd completes a transfer: both directions, id, [DataEnd].
	TypeDataEnd Type = 16
	// TypeAck acknowledges input, a Put, or (host to guest, id 0) Done: [Ack].
	TypeAck Type = 17
	// TypeError says that the thing with this id went wrong: guest to host, [Error].
	TypeError Type = 18
	// TypeKmsg is one line of the kernel log: guest to host, [Kmsg].
	TypeKmsg Type = 19
	// TypeHeartbeat is sent every second after Ready: guest to host, [Heartbeat].
	TypeHeartbeat Type = 20
	// TypeShutdown asks for an orderly power-off: host to guest, no payload.
	TypeShutdown Type = 21
	// TypeDone is the guest's last frame: guest to host, [Done].
	TypeDone Type = 22
	// TypeClock moves the wall clock: host to guest, [Clock].
	TypeClock Type = 23
)

var typeNames = map[Type]string{
	TypeHello: "hello", TypeResume: "resume", TypeReady: "ready", TypeRun: "run",
	TypeStarted: "started", TypeStdin: "stdin", TypeStdinClose: "stdin-close",
	TypeStdout: "stdout", TypeStderr: "stderr", TypeExit: "exit", TypeSignal: "signal",
	TypeWinsize: "winsize", TypePut: "put", TypeGet: "get", TypeData: "data",
	TypeDataEnd: "data-end", TypeAck: "ack", TypeError: "error", TypeKmsg: "kmsg",
	TypeHeartbeat: "heartbeat", TypeShutdown: "shutdown", TypeDone: "done", TypeClock: "clock",
}

// String names the type as traces and errors print it.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("type-%d", uint8(t))
}

// MaxPayload is the largest payload in bytes that a frame of this type may carry.
func (t Type) MaxPayload() int {
	switch t {
	case TypeStdin, TypeStdout, TypeStderr, TypeData:
		return MaxStreamBytes
	}
	return MaxJSONBytes
}

func (t Type) known() bool {
	_, ok := typeNames[t]
	return ok
}
