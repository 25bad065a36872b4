// Package connsnoop records every TCP connection of a machine, once, at its
// end: who opened it, the 5-tuple, how long it lasted and how many bytes of
// payload went each way. The work is done by four kprobes in the kernel
// (tcp_v4_connect, tcp_v6_connect, inet_csk_accept, tcp_close) that share a
// hash keyed by socket and send finished records through a ring buffer.
//
// Tracer is the whole interface; decoding and JSON are plain Go and build on
// any system.
//
// Gotcha: tcp_close is the call, not the end of the connection. Bytes that
// are queued at that moment count as sent, and a connection that the peer
// reset long ago ends when its owner closes the socket.
package connsnoop
