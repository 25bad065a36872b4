// Package connsnoop records every TCP connection of a machine, once, at its
// end: who opened and who closed it, the 5-tuple, how it ended, how long it
// lasted and how many bytes of payload went each way. The work is done by BPF
// programs that share a hash keyed by socket and send finished records through
// a ring buffer; bpf/life.h tells the life of a connection.
//
// Tracer is the whole interface; decoding and JSON are plain Go and build on
// any system. A Backend is the set of hooks that tell of connections; the
// record is the same.
//
// Gotcha: a connection ends when its state does, which may be before its owner
// closes the socket (a reset) or after (the FIN is still to be acknowledged).
package connsnoop
