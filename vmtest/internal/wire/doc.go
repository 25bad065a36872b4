// Package wire carries everything that host and guest say to each other over
// one byte stream: command output, exit records, kernel log lines, files.
//
// Each frame has a little-endian header of 24 bytes (magic, version, type,
// command id, sequence number, length, CRC-32C) and a payload: raw bytes for
// streams, JSON for the rest. Sequence numbers run per direction from 1, so a
// lost, repeated or reordered frame is an error and never a shorter result.
//
// Conversation: the guest sends Hello and then nothing until it has read
// Resume; that silence is where a snapshot is taken, so after a restore the
// next guest frame has sequence 2 and the first host frame sequence 1. Then
// Ready, and any number of commands side by side: Run, Started, Stdout and
// Stderr, Exit. The host ends with Shutdown, the guest answers Done, the host
// acknowledges it with Ack, and only then does the machine power off.
//
// Gotcha: a command's standard input is flow-controlled, since a command that
// does not read must not block a Signal behind its data. The host keeps at most
// [StdinWindowBytes] unacknowledged per command; the guest answers with Ack
// for what it has passed on (or thrown away, once nobody reads).
package wire
