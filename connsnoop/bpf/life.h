/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The life of a connection, whatever the hooks are that tell of it.
 *
 * begin_connect, accepted and seed put a socket into live; end takes it out,
 * and who succeeds in deleting the entry sends the record: there is one.
 * Entries are changed in place only with the socket locked, as its state is.
 */
#ifndef CONNSNOOP_LIFE_H
#define CONNSNOOP_LIFE_H

#include "send.h"
#include "task.h"

static __always_inline struct task_struct *current(void)
{
	return (void *)bpf_get_current_task();
}

static __always_inline struct conn *find(__u64 key)
{
	struct conn *c = bpf_map_lookup_elem(&live, &key);

	return c && !(c->flags & FLAG_DEAD) ? c : NULL;
}

static __always_inline void count_refused(int err)
{
	count(err == -E2BIG    ? MAP_FULL
	      : err == -EBUSY  ? MAP_EBUSY
	      : err == -ENOMEM ? MAP_ENOMEM
			       : MAP_OTHER);
}

/* Memory is used again: the program at the end of what was there did not run. */
static __always_inline void forget(struct sock *sk)
{
	__u64 key = (__u64)sk;

	if (!find(key) || bpf_map_delete_elem(&live, &key))
		return;
	count(CLOSED);
	count(MISSED_END);
}

/* Follow a connection from now on. */
static __noinline bool follow(struct sock *sk, struct conn *c)
{
	__u64 key = (__u64)sk;
	const __u8 one = 1;
	int err; /* old kernels leave the upper half of the register undefined */

	if (!opener_wanted(c)) {
		if (!(c->flags & FLAG_AGAIN))
			count(IGNORED);
		return 0;
	}
	count(OPENED);
	forget(sk);
	err = bpf_map_update_elem(&live, &key, c, BPF_ANY);
	if (err) {
		count_refused(err);
		bpf_map_update_elem(&skipped, &key, &one, BPF_ANY);
		return 0;
	}
	add_opened(c);
	if (all_kinds)
		notice(sk, c, KIND_OPEN, c->opened_ns);
	return 1;
}

static __always_inline void fill_opener(struct conn *c, struct sock *sk, __u8 direction,
					__u8 source)
{
	c->opened_ns = bpf_ktime_get_ns();
	c->direction = direction;
	c->pid_source = source;
	c->netns = netns_of(sk);
	if (source == PID_UNKNOWN)
		return;
	fill_who(&c->opener, current(), (__u32)bpf_get_current_uid_gid());
	fill_cgroup(c, current());
}

static __always_inline bool is_up(__u8 state)
{
	return state != TCP_SYN_SENT && state != TCP_SYN_RECV;
}

static __always_inline __u8 result_of_error(__u32 error)
{
	switch (error) {
	case 111: /* ECONNREFUSED */
		return RESULT_REFUSED;
	case 110: /* ETIMEDOUT */
		return RESULT_TIMEOUT;
	case 104: /* ECONNRESET */
	case 32:  /* EPIPE: reset after the peer's FIN */
		return RESULT_RESET;
	case 100: /* ENETDOWN */
	case 101: /* ENETUNREACH */
	case 112: /* EHOSTDOWN */
	case 113: /* EHOSTUNREACH */
		return RESULT_UNREACHABLE;
	case 4:	  /* EINTR */
	case 103: /* ECONNABORTED: somebody destroyed the socket */
	case 512: /* ERESTARTSYS */
		return RESULT_ABORTED;
	}
	return RESULT_ERROR;
}

/* Only the end of both directions leads from these states to TCP_CLOSE. */
static __always_inline bool was_finished(__u8 state)
{
	return state == TCP_FIN_WAIT2 || state == TCP_CLOSING || state == TCP_LAST_ACK ||
	       state == TCP_TIME_WAIT;
}

static __always_inline __u8 result_of(__u32 error, __u8 state)
{
	if (error)
		return result_of_error(error);
	return was_finished(state) ? RESULT_OK : RESULT_ABORTED;
}

/* state is what it left for TCP_CLOSE. */
static __noinline void report_end(struct sock *sk, struct conn *c, __u8 state, __u32 error)
{
	struct news n = {.sk = sk, .error = error, .state = state};

	n.ns = bpf_ktime_get_ns();
	read_tuple(c, sk);
	n.kind = is_up(state) || c->established_ns ? KIND_CLOSED : KIND_FAILED;
	n.result = result_of(error, state);
	send_end(&n, c);
}

/* Take it out and report it, unless somebody else did. */
static __noinline void end(struct sock *sk, struct conn *found, __u8 state, __u32 error)
{
	struct conn c = *found;
	__u64 key = (__u64)sk;
	int err = bpf_map_delete_elem(&live, &key);

	if (err == -ENOENT)
		return;
	if (err) { /* the bucket is locked by whom we interrupted */
		found->flags |= FLAG_DEAD;
		count(DELETE_BUSY);
	}
	report_end(sk, &c, state, error);
}

static __always_inline __u32 error_of(struct sock *sk)
{
	int error = 0;

	read_field(error, sk, sk_err);
	return error;
}

/* Whether its opening went by unseen, and not because we chose so. */
static __always_inline bool was_missed(__u64 key)
{
	if (bpf_map_lookup_elem(&skipped, &key))
		return 0;
	return !filters_opener();
}

/* The end of what is not in live. A child that accept never returned has no file. */
static __noinline void end_unseen(struct sock *sk, __u8 state)
{
	struct conn c = {.direction = direction_of(sk, state)};
	__u64 key = (__u64)sk;

	if (!was_missed(key) || !has_file(sk)) {
		count(UNSEEN);
		bpf_map_delete_elem(&skipped, &key);
		return;
	}
	fill_opener(&c, sk, c.direction, PID_UNKNOWN);
	read_tuple(&c, sk);
	if (!opener_wanted(&c))
		return;
	count(OPENED);
	count(LATE);
	report_end(sk, &c, state, error_of(sk));
}

static __always_inline void established(struct sock *sk)
{
	struct conn *c = find((__u64)sk);

	if (!c || c->established_ns)
		return;
	c->established_ns = bpf_ktime_get_ns();
	if (!all_kinds)
		return;
	read_tuple(c, sk);
	notice(sk, c, KIND_ESTABLISHED, c->established_ns);
}

/* connect failed without a packet: its return will say why */
static __always_inline bool in_connect(struct conn *c, __u8 state, __u32 error)
{
	return (c->flags & FLAG_CONNECTING) && state == TCP_SYN_SENT && !error && !c->closing_ns &&
	       c->opener.tid == (__u32)bpf_get_current_pid_tgid();
}

/* Whether a program before ran: it is followed, or had no place. */
static __always_inline bool is_known(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return find(key) || bpf_map_lookup_elem(&skipped, &key);
}

/* The programs at connect did not run; the task is still in that call. */
static __noinline void follow_connecting(struct sock *sk)
{
	struct conn c = {.flags = FLAG_AGAIN};

	if (is_known(sk))
		return;
	fill_opener(&c, sk, DIRECTION_CONNECT, PID_CONNECT);
	c.syn_ns = c.opened_ns;
	read_tuple(&c, sk);
	follow(sk, &c);
}

/*
 * What is for the first time only makes up for programs that did not run
 * before; the verifier need not look at it in the others.
 */
static __always_inline void changed_state(struct sock *sk, int from, int to, bool first)
{
	struct conn *found;
	__u32 error;

	if (!is_tcp(sk))
		return;
	if (first && from == TCP_LISTEN && to == TCP_SYN_RECV)
		forget(sk);
	if (first && from == TCP_CLOSE && to == TCP_SYN_SENT)
		follow_connecting(sk);
	if (from == TCP_LISTEN || from == TCP_CLOSE)
		return;
	if (to == TCP_ESTABLISHED)
		established(sk);
	if (to != TCP_CLOSE)
		return;
	found = find((__u64)sk);
	if (!found) {
		if (first)
			end_unseen(sk, from);
		return;
	}
	error = error_of(sk);
	if (!in_connect(found, from, error))
		end(sk, found, from, error);
}

/* tcp_v6_connect calls tcp_v4_connect for a mapped address: seen already. */
static __always_inline bool is_inner_call(struct sock *sk, __u16 family)
{
	return family_of(sk) != family;
}

static __always_inline void begin_connect(struct sock *sk, const void *address, bool first)
{
	struct conn c = {.flags = FLAG_CONNECTING};

	if (!is_tcp(sk) || (!first && is_known(sk)))
		return;
	if (!first)
		c.flags |= FLAG_AGAIN;
	read_asked(&c.tuple, sk, address);
	fill_opener(&c, sk, DIRECTION_CONNECT, PID_CONNECT);
	c.syn_ns = c.opened_ns;
	follow(sk, &c);
}

static __always_inline void end_connect(struct sock *sk, int ret)
{
	struct conn *found = find((__u64)sk);

	if (!found) {
		if (ret < 0) { /* no end will be seen */
			__u64 key = (__u64)sk;

			bpf_map_delete_elem(&skipped, &key);
		}
		return;
	}
	found->flags &= ~FLAG_CONNECTING;
	if (ret < 0)
		end(sk, found, TCP_SYN_SENT, -ret);
}

/* With TCP_FASTOPEN_CONNECT that is when the first data are written. */
static __always_inline void sending_syn(struct sock *sk)
{
	struct conn *found = find((__u64)sk);

	if (found)
		found->syn_ns = bpf_ktime_get_ns();
}

static __noinline bool follow_accepted(struct sock *sk, bool first)
{
	struct conn c = {.flags = first ? 0 : FLAG_AGAIN};

	fill_opener(&c, sk, DIRECTION_ACCEPT, PID_ACCEPT);
	read_tuple(&c, sk);
	if (state_of(sk) != TCP_SYN_RECV) /* a fast open child is accepted before */
		c.established_ns = c.opened_ns;
	if (!follow(sk, &c))
		return 0;
	if (all_kinds && c.established_ns)
		notice(sk, &c, KIND_ESTABLISHED, c.established_ns);
	return 1;
}

/* The socket was not locked: if it ended before it was in live, nobody else saw. */
static __always_inline void end_if_over(struct sock *sk)
{
	struct conn *found;
	__u32 error;

	if (state_of(sk) != TCP_CLOSE)
		return;
	found = find((__u64)sk);
	error = error_of(sk);
	if (found) /* of how it ended, only an error is left */
		end(sk, found, error ? TCP_ESTABLISHED : TCP_LAST_ACK, error);
}

static __always_inline void accepted(struct sock *sk, bool first)
{
	if (!sk || !is_tcp(sk))
		return;
	/* in this order: what ended since the first saw it is in TCP_CLOSE */
	if (!first && (is_known(sk) || state_of(sk) == TCP_CLOSE))
		return;
	if (follow_accepted(sk, first))
		end_if_over(sk);
}

/*
 * It has a file and nobody was seen to open it: accept was entered before us.
 * Or its opening was seen and ignored, which is not counted twice.
 */
static __noinline void follow_closing(struct sock *sk, __u8 state)
{
	struct conn c = {.flags = FLAG_AGAIN};

	if (state == TCP_CLOSE || !was_missed((__u64)sk))
		return;
	fill_opener(&c, sk, direction_of(sk, state), PID_CLOSE);
	read_tuple(&c, sk);
	if (follow(sk, &c))
		count(LATE);
}

static __always_inline void closing(struct sock *sk, bool first)
{
	__u8 state = state_of(sk);
	struct conn *found;

	if (state == TCP_LISTEN || !is_tcp(sk))
		return;
	/* MPTCP closes subflows in a worker: that says nothing */
	if (is_kernel_thread(current()) && is_mptcp(sk))
		return;
	if (!find((__u64)sk))
		follow_closing(sk, state);
	found = find((__u64)sk);
	if (!found || (!first && found->closing_ns))
		return;
	fill_who(&found->closer, current(), (__u32)bpf_get_current_uid_gid());
	found->closing_ns = bpf_ktime_get_ns();
	found->close_state = state;
	if (state == TCP_CLOSE) /* the program at its end did not run */
		end(sk, found, found->established_ns ? TCP_LAST_ACK : TCP_SYN_SENT, error_of(sk));
}

static __noinline bool follow_held(struct sock *sk, struct task_struct *task, __u8 state)
{
	struct conn c = {.flags = FLAG_SEEDED, .pid_source = PID_ITER};
	__u32 uid = 0;

	read_field(uid, sk, sk_uid);
	fill_who(&c.opener, task, uid);
	c.opened_ns = bpf_ktime_get_ns();
	c.direction = direction_of(sk, state);
	c.netns = netns_of(sk);
	fill_cgroup(&c, task);
	read_tuple(&c, sk);
	return follow(sk, &c);
}

/* What task held open when the tracer started. */
static __always_inline void seed(struct sock *sk, struct task_struct *task)
{
	__u8 state = state_of(sk);

	if (state == TCP_CLOSE || state == TCP_LISTEN || !is_tcp(sk) || find((__u64)sk))
		return;
	if (!follow_held(sk, task, state))
		return;
	count(SEEDED);
	end_if_over(sk);
}

#endif
