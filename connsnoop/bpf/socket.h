/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions to a TCP socket. */
#ifndef CONNSNOOP_SOCKET_H
#define CONNSNOOP_SOCKET_H

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

/* An MPTCP socket changes states too; its subflows are the TCP sockets. */
static __always_inline bool is_tcp(struct sock *sk)
{
	__u16 protocol = 0;

	read_field(protocol, sk, sk_protocol);
	return protocol == IPPROTO_TCP;
}

static __always_inline bool is_mptcp(struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;
	bool mptcp = 0;

	if (core_exists(tp->is_mptcp))
		read_field(mptcp, tp, is_mptcp);
	return mptcp;
}

/* Whether a process has, or had, a file for it: not so before accept returns. */
static __always_inline bool has_file(struct sock *sk)
{
	struct socket *socket = NULL;

	read_field(socket, sk, sk_socket);
	return socket;
}

/* A failed connect forgets where to: what it was asked then stays. */
static __noinline void read_tuple(struct conn *c, struct sock *sk)
{
	struct inet_sock *inet = (void *)sk;
	struct tuple *t = &c->tuple;
	__u16 port = 0;

	read_field(port, sk, __sk_common.skc_dport);
	t->family = family_of(sk);
	if (t->family == AF_INET6)
		read_field(t->local, sk, __sk_common.skc_v6_rcv_saddr);
	else
		bpf_probe_read_kernel(t->local, 4, &sk->__sk_common.skc_rcv_saddr);
	if (port && t->family == AF_INET6)
		read_field(t->remote, sk, __sk_common.skc_v6_daddr);
	else if (port)
		bpf_probe_read_kernel(t->remote, 4, &sk->__sk_common.skc_daddr);
	if (port)
		t->remote_port = __builtin_bswap16(port);
	/* not skc_num: that is 0 once the state is TCP_CLOSE */
	read_field(t->local_port, inet, inet_sport);
	t->local_port = __builtin_bswap16(t->local_port);
	t->service_port = c->direction == DIRECTION_CONNECT ? t->remote_port : t->local_port;
}

/* connect's argument, in kernel memory: struct sockaddr_in or sockaddr_in6 */
static __always_inline void read_asked(struct tuple *t, struct sock *sk, const char *address)
{
	t->family = family_of(sk);
	bpf_probe_read_kernel(&t->remote_port, 2, address + 2);
	t->remote_port = __builtin_bswap16(t->remote_port);
	t->service_port = t->remote_port;
	if (t->family == AF_INET6)
		bpf_probe_read_kernel(t->remote, 16, address + 8);
	else
		bpf_probe_read_kernel(t->remote, 4, address + 4);
}

/* Payload that went out, each byte once: neither SYN nor FIN is in these. */
static __always_inline __u64 sent_bytes(struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;
	__u64 sent = 0, again = 0;

	read_field(sent, tp, bytes_sent);
	read_field(again, tp, bytes_retrans);
	return sent - again;
}

/* Payload that came in order, read by the application or not. A FIN counts as one. */
static __always_inline __u64 received_bytes(struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;
	unsigned long flags = 0;
	__u64 received = 0;

	read_field(received, tp, bytes_received);
	read_field(flags, sk, __sk_common.skc_flags);
	return received - ((flags >> SOCK_DONE) & 1);
}

/* How far sending has got, all at the same moment. */
struct progress {
	__u64 acked;
	__u64 payload; /* sent, each byte once */
	__u32 una;
	__u32 next;
	__u32 queued;
};

static __noinline void read_progress(struct progress *p, struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;

	read_field(p->acked, tp, bytes_acked);
	read_field(p->una, tp, snd_una);
	read_field(p->next, tp, snd_nxt);
	read_field(p->queued, tp, write_seq);
	p->payload = sent_bytes(sk);
}

static __always_inline bool is_same(const struct progress *a, const struct progress *b)
{
	return a->acked == b->acked && a->payload == b->payload && a->una == b->una &&
	       a->next == b->next && a->queued == b->queued;
}

/* Whether it is now as it was. */
static __noinline bool read_again(struct progress *p, struct sock *sk)
{
	struct progress before = *p;

	read_progress(p, sk);
	return is_same(p, &before);
}

/* The socket may not be locked: what is there twice was there in between. */
static __always_inline void read_settled(struct progress *p, struct sock *sk)
{
	read_progress(p, sk);
	if (!read_again(p, sk) && !read_again(p, sk))
		read_again(p, sk);
}

/*
 * Of a socket that nobody was seen to open. The side that connected had its SYN
 * acknowledged, and bytes_acked counts that; the accepting side's SYN is not in
 * these counters. A FIN is the last that is queued, and may not be sent yet.
 */
static __always_inline __u8 direction_of(struct sock *sk, __u8 state)
{
	bool fin = state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT && state != TCP_SYN_RECV;
	struct progress p = {};

	if (state == TCP_SYN_SENT)
		return DIRECTION_CONNECT;
	read_settled(&p, sk);
	p.acked += p.next - p.una;
	fin = fin && p.next == p.queued;
	return p.acked > p.payload + fin ? DIRECTION_CONNECT : DIRECTION_ACCEPT;
}

static __always_inline void read_measures(struct event *e, struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;

	e->tx_bytes = sent_bytes(sk);
	e->rx_bytes = received_bytes(sk);
	read_field(e->retransmits, tp, total_retrans);
	read_field(e->srtt_us, tp, srtt_us);
	e->srtt_us >>= 3;
	read_field(e->min_rtt_us, tp, rtt_min.s[0].v);
	if (is_mptcp(sk))
		e->conn.flags |= FLAG_MPTCP;
	if (read_bit(tp, syn_data_acked))
		e->conn.flags |= FLAG_TFO;
}

#endif
