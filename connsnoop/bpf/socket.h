/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions to a TCP socket. None of them holds the socket's lock. */
#ifndef CONNSNOOP_SOCKET_H
#define CONNSNOOP_SOCKET_H

#include "headers/kernel.h"
#include "maps.h"

static __always_inline __u16 family_of(struct sock *sk)
{
	__u16 family = 0;

	read_field(family, sk, __sk_common.skc_family);
	return family;
}

static __always_inline __u8 state_of(struct sock *sk)
{
	__u8 state = 0;

	read_field(state, sk, __sk_common.skc_state);
	return state;
}

static __always_inline __u32 netns_of(struct sock *sk)
{
	struct net *net = NULL;
	__u32 inode = 0;

	read_field(net, sk, __sk_common.skc_net.net);
	read_field(inode, net, ns.inum);
	return inode;
}

/* tcp_close() is never called for an MPTCP subflow: its entry would stay. */
static __always_inline bool is_plain_tcp(struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;
	__u16 protocol = 0;
	bool mptcp = 0;

	read_field(protocol, sk, sk_protocol);
	if (core_exists(tp->is_mptcp))
		read_field(mptcp, tp, is_mptcp);
	return protocol == IPPROTO_TCP && !mptcp;
}

static __always_inline void read_addresses(struct addresses *a, struct sock *sk)
{
	struct inet_sock *inet = (void *)sk;

	a->family = family_of(sk);
	if (a->family == AF_INET6) {
		read_field(a->local, sk, __sk_common.skc_v6_rcv_saddr);
		read_field(a->remote, sk, __sk_common.skc_v6_daddr);
	} else {
		bpf_probe_read_kernel(a->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_probe_read_kernel(a->remote, 4, &sk->__sk_common.skc_daddr);
	}
	/* not skc_num: that is 0 once the state is TCP_CLOSE */
	read_field(a->local_port, inet, inet_sport);
	read_field(a->remote_port, sk, __sk_common.skc_dport);
	a->local_port = __builtin_bswap16(a->local_port);
	a->remote_port = __builtin_bswap16(a->remote_port);
}

/*
 * A socket that connects has its SYN acknowledged, which bytes_acked counts,
 * exactly if the handshake was completed. tcp_disconnect(), which runs after
 * a blocking connect() failed, clears it and the remote port.
 */
static __always_inline bool was_established(struct sock *sk, __u8 direction)
{
	struct tcp_sock *tp = (void *)sk;
	__u64 acked = 0;
	__u16 port = 0;

	read_field(port, sk, __sk_common.skc_dport);
	read_field(acked, tp, bytes_acked);
	return port && (direction == DIRECTION_ACCEPT || acked);
}

static __always_inline bool fin_queued(__u32 state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING ||
	       state == TCP_LAST_ACK;
}

/*
 * The payload that the application handed to TCP. While the connection is up,
 * that is what was acknowledged plus what is still queued, less our SYN (the
 * accepting side's is not in these counters) and our FIN. In TCP_CLOSE the
 * queue is gone, and what counts is what went out for the first time.
 */
static __always_inline __u64 sent_bytes(struct sock *sk, __u32 state, __u8 direction)
{
	struct tcp_sock *tp = (void *)sk;
	__u64 acked = 0, again = 0, sent = 0, retrans = 0;
	__u32 una = 0, write_seq = 0;

	if (state == TCP_CLOSE) {
		read_field(sent, tp, bytes_sent);
		read_field(retrans, tp, bytes_retrans);
		return sent - retrans;
	}
	/* an ACK may come in between: softirq, other CPU */
	for (int i = 0; i < 4; i++) {
		read_field(acked, tp, bytes_acked);
		read_field(una, tp, snd_una);
		read_field(write_seq, tp, write_seq);
		read_field(again, tp, bytes_acked);
		if (acked == again)
			break;
	}
	return acked + (__u32)(write_seq - una) - (direction == DIRECTION_CONNECT) -
	       fin_queued(state);
}

/* The payload received, read by the application or not. A FIN counts as one. */
static __always_inline __u64 received_bytes(struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;
	unsigned long before = 0, flags = 0;
	__u64 received = 0;

	for (int i = 0; i < 4; i++) {
		read_field(before, sk, __sk_common.skc_flags);
		read_field(received, tp, bytes_received);
		read_field(flags, sk, __sk_common.skc_flags);
		if (before == flags)
			break;
	}
	return received - ((flags >> SOCK_DONE) & 1);
}

#endif
