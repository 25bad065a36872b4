/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling user space: the ring, and the aggregates. */
#ifndef CONNSNOOP_SEND_H
#define CONNSNOOP_SEND_H

#include "filter.h"
#include "socket.h"

/* What happened to a socket, gathered before there is room in the ring. */
struct news {
	struct sock *sk;
	__u64 ns;
	__u32 error;
	__u8 kind;
	__u8 result;
	__u8 state;
};

static __always_inline struct aggregate *aggregate_of(struct conn *c)
{
	static const struct aggregate zero;
	struct aggregate_key key = {.cgroup_id = c->cgroup_id, .direction = c->direction};
	struct aggregate *a;

	key.port = c->tuple.service_port;
	__builtin_memcpy(key.comm, c->opener.comm, TASK_COMM_LEN);
	a = bpf_map_lookup_elem(&aggregates, &key);
	if (a)
		return a;
	/* who interrupted us may have been first: then this changes nothing */
	bpf_map_update_elem(&aggregates, &key, &zero, BPF_NOEXIST);
	a = bpf_map_lookup_elem(&aggregates, &key);
	if (!a)
		count(AGGREGATES_FULL);
	return a;
}

static __noinline void add_opened(struct conn *c)
{
	struct aggregate *a = aggregate_of(c);

	if (a)
		__sync_fetch_and_add(&a->opened, 1);
}

static __noinline void add_closed(struct conn *c, struct news *n)
{
	struct aggregate *a = aggregate_of(c);

	if (!a)
		return;
	__sync_fetch_and_add(&a->closed, 1);
	if (n->kind == KIND_FAILED)
		__sync_fetch_and_add(&a->failed, 1);
	__sync_fetch_and_add(&a->tx_bytes, sent_bytes(n->sk));
	__sync_fetch_and_add(&a->rx_bytes, received_bytes(n->sk));
}

/* False if the ring is full. */
static __noinline bool send(struct news *n, struct conn *c)
{
	struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	__u64 queued;

	if (!e)
		return 0;
	e->socket = (__u64)n->sk;
	e->ns = n->ns;
	e->error = n->error;
	e->kind = n->kind;
	e->result = n->result;
	e->state = n->state;
	__builtin_memset(e->pad, 0, sizeof(e->pad));
	e->conn = *c;
	e->retransmits = e->srtt_us = e->min_rtt_us = 0;
	read_measures(e, n->sk);
	/* waking the reader costs more than all the rest: do it rarely */
	queued = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	bpf_ringbuf_submit(e, queued < wakeup_bytes ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
	return 1;
}

/* The one record of a connection's end. */
static __always_inline void send_end(struct news *n, struct conn *c)
{
	count(CLOSED);
	if (n->kind == KIND_FAILED)
		count(FAILED);
	add_closed(c, n);
	if (!tuple_wanted(&c->tuple) || !result_wanted(n->result))
		count(FILTERED);
	else
		count(send(n, c) ? SUBMITTED : RING_FULL);
}

/*
 * What happens before the end: only on request, and not part of the identities.
 * Inline: as a function that passes c on, 7.2's verifier takes the caller's
 * stack behind c for dead ("slot poisoned by dead code elimination").
 */
static __always_inline void notice(struct sock *sk, struct conn *c, __u8 kind, __u64 ns)
{
	struct news n = {.sk = sk, .kind = kind, .ns = ns};

	n.state = state_of(sk);
	if (tuple_wanted(&c->tuple))
		count(send(&n, c) ? NOTICES : NOTICES_LOST);
}

#endif
