/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * connsnoop: one record for each TCP connection, at its end.
 *
 * connect() and accept() put who and when into a map keyed by the socket;
 * tcp_close() takes the entry out and sends it with what the socket then
 * knows. A socket that tcp_close() finds not connected leaves no record.
 */
#include "headers/bpf.h"
#include "headers/kernel.h"
#include "maps.h"
#include "socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before loading; 0 means any. */
const volatile __u32 filter_pid = 0;
const volatile __u16 filter_port = 0;

static __always_inline void fill_opener(struct conn *c)
{
	struct task_struct *task = (void *)bpf_get_current_task(), *leader = NULL;
	__u64 id = bpf_get_current_pid_tgid();

	c->opened_ns = bpf_ktime_get_ns();
	c->pid = id >> 32;
	c->tid = (__u32)id;
	c->uid = (__u32)bpf_get_current_uid_gid();
	/* current's own comm is the thread's: "iou-wrk-390" for io_uring */
	read_field(leader, task, group_leader);
	read_field(c->comm, leader, comm);
}

static __always_inline void open_conn(struct sock *sk, __u8 direction)
{
	struct conn c = {.direction = direction};
	__u64 key = (__u64)sk;
	int err; /* old kernels leave the upper half of the register undefined */

	if (!is_plain_tcp(sk))
		return;
	fill_opener(&c);
	if (filter_pid && c.pid != filter_pid)
		return;
	count(OPENED);
	/* An entry that is still there belongs to an attempt that failed. */
	if (!bpf_map_delete_elem(&live, &key))
		count(REPLACED);
	err = bpf_map_update_elem(&live, &key, &c, BPF_ANY);
	if (err)
		count(err == -E2BIG ? MAP_FULL : MAP_BUSY);
}

SEC("kprobe/tcp_v4_connect")
int on_tcp_v4_connect(struct pt_regs *ctx)
{
	struct sock *sk = first_argument(ctx);

	/* tcp_v6_connect() calls this for a v4-mapped address: already seen */
	if (family_of(sk) == AF_INET)
		open_conn(sk, DIRECTION_CONNECT);
	return 0;
}

SEC("kprobe/tcp_v6_connect")
int on_tcp_v6_connect(struct pt_regs *ctx)
{
	open_conn(first_argument(ctx), DIRECTION_CONNECT);
	return 0;
}

SEC("kretprobe/inet_csk_accept")
int on_inet_csk_accept(struct pt_regs *ctx)
{
	struct sock *sk = return_value(ctx);

	if (sk)
		open_conn(sk, DIRECTION_ACCEPT);
	return 0;
}

static __always_inline void submit(struct sock *sk, struct conn *c)
{
	struct conn_record *r;
	struct addresses a = {};
	__u64 queued;

	read_addresses(&a, sk);
	if (filter_port && a.local_port != filter_port && a.remote_port != filter_port) {
		count(FILTERED);
		return;
	}
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count(RING_FULL);
		return;
	}
	r->conn = *c;
	r->addresses = a;
	r->closed_ns = bpf_ktime_get_ns();
	r->closer_pid = bpf_get_current_pid_tgid() >> 32;
	r->netns_inode = netns_of(sk);
	r->state = state_of(sk);
	r->tx_bytes = sent_bytes(sk, r->state, c->direction);
	r->rx_bytes = received_bytes(sk);
	r->pad = 0;
	/* waking the reader costs more than all the rest: do it rarely */
	queued = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	bpf_ringbuf_submit(r, queued < WAKEUP_BYTES ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
	count(SUBMITTED);
}

SEC("kprobe/tcp_close")
int on_tcp_close(struct pt_regs *ctx)
{
	struct sock *sk = first_argument(ctx);
	__u64 key = (__u64)sk;
	struct conn c, *found = bpf_map_lookup_elem(&live, &key);

	if (!found) /* a listener, or opened before the probes were attached */
		return 0;
	c = *found;
	bpf_map_delete_elem(&live, &key);
	if (!was_established(sk, c.direction)) {
		count(FAILED);
		return 0;
	}
	count(CLOSED);
	submit(sk, &c);
	return 0;
}
