/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * connsnoop: one record for each TCP connection, at its end.
 *
 * What happens to a connection is in life.h. Here are only the hooks that tell
 * of it, once for each backend; the loader takes those it wants.
 */
#include "life.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PROGRAM(section, name, context) SEC(section) int name(context *ctx)

/*
 * The kernel does not run a program that already runs on this CPU: when a
 * packet interrupts a system call amid a program, or one task another, it is
 * not run a second time. So there are two of each, of which the loader attaches
 * the second as often as it takes: what keeps one from running, the next sees.
 * Who comes later mostly finds that there is nothing left to do.
 */
#define TWICE(section, name, context)                                                              \
	static __always_inline void name##_body(context *ctx, bool first);                         \
	PROGRAM(section, name, context)                                                            \
	{                                                                                          \
		name##_body(ctx, 1);                                                               \
		return 0;                                                                          \
	}                                                                                          \
	PROGRAM(section, name##_again, context)                                                    \
	{                                                                                          \
		name##_body(ctx, 0);                                                               \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline void name##_body(context *ctx, bool first)

TWICE("tp_btf/inet_sock_set_state", btf_set_state, __u64)
{
	changed_state((void *)ctx[0], (int)ctx[1], (int)ctx[2], first);
}

TWICE("raw_tp/inet_sock_set_state", raw_set_state, __u64)
{
	changed_state((void *)ctx[0], (int)ctx[1], (int)ctx[2], first);
}

/* fentry and fexit: arguments, then what is returned */

TWICE("fentry/tcp_v4_connect", fentry_v4_connect, __u64)
{
	if (!is_inner_call((void *)ctx[0], AF_INET))
		begin_connect((void *)ctx[0], (void *)ctx[1], first);
}

TWICE("fexit/tcp_v4_connect", fexit_v4_connect, __u64)
{
	(void)first;
	if (!is_inner_call((void *)ctx[0], AF_INET))
		end_connect((void *)ctx[0], (int)ctx[3]);
}

TWICE("fentry/tcp_v6_connect", fentry_v6_connect, __u64)
{
	begin_connect((void *)ctx[0], (void *)ctx[1], first);
}

TWICE("fexit/tcp_v6_connect", fexit_v6_connect, __u64)
{
	(void)first;
	end_connect((void *)ctx[0], (int)ctx[3]);
}

/* inet_csk_accept(sk, flags, err, kern): before 6.10 */
TWICE("fexit/inet_csk_accept", fexit_accept4, __u64)
{
	accepted((void *)ctx[4], first);
}

/* inet_csk_accept(sk, struct proto_accept_arg *): since 6.10 */
TWICE("fexit/inet_csk_accept", fexit_accept2, __u64)
{
	accepted((void *)ctx[2], first);
}

/* Inside tcp_close, with the socket locked. */
TWICE("fentry/__tcp_close", fentry_close, __u64)
{
	closing((void *)ctx[0], first);
}

PROGRAM("fentry/tcp_connect", fentry_syn, __u64)
{
	sending_syn((void *)ctx[0]);
	return 0;
}

/* kprobe and kprobe.multi: what comes back does not know the arguments */

static __always_inline void enter_connect(struct pt_regs *ctx, __u16 family)
{
	struct sock *sk = first_argument(ctx);
	__u64 thread = bpf_get_current_pid_tgid(), key = (__u64)sk;

	if (is_inner_call(sk, family))
		return;
	begin_connect(sk, second_argument(ctx), 1);
	bpf_map_update_elem(&calls, &thread, &key, BPF_ANY);
}

static __always_inline void leave_connect(struct pt_regs *ctx, __u16 family)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 *key = bpf_map_lookup_elem(&calls, &thread);
	struct sock *sk;

	if (!key)
		return;
	sk = (void *)*key;
	if (is_inner_call(sk, family))
		return;
	bpf_map_delete_elem(&calls, &thread);
	end_connect(sk, (int)return_value(ctx));
}

PROGRAM("kprobe/tcp_v4_connect", kprobe_v4_connect, struct pt_regs)
{
	enter_connect(ctx, AF_INET);
	return 0;
}

PROGRAM("kretprobe/tcp_v4_connect", kretprobe_v4_connect, struct pt_regs)
{
	leave_connect(ctx, AF_INET);
	return 0;
}

PROGRAM("kprobe/tcp_v6_connect", kprobe_v6_connect, struct pt_regs)
{
	enter_connect(ctx, AF_INET6);
	return 0;
}

PROGRAM("kretprobe/tcp_v6_connect", kretprobe_v6_connect, struct pt_regs)
{
	leave_connect(ctx, AF_INET6);
	return 0;
}

PROGRAM("kprobe/tcp_connect", kprobe_syn, struct pt_regs)
{
	sending_syn(first_argument(ctx));
	return 0;
}

PROGRAM("kretprobe/inet_csk_accept", kretprobe_accept, struct pt_regs)
{
	accepted((void *)return_value(ctx), 1);
	return 0;
}

/* Before the socket is locked: the course's hook. */
PROGRAM("kprobe/tcp_close", kprobe_close, struct pt_regs)
{
	closing(first_argument(ctx), 1);
	return 0;
}

/* What was open before: runs once, after the hooks are attached. */
PROGRAM("iter/task_file", seed_live, struct bpf_iter__task_file)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct super_block *sb = NULL;
	struct socket *socket = NULL;
	struct inode *inode = NULL;
	unsigned long magic = 0;
	struct sock *sk = NULL;

	if (!task || !file)
		return 0;
	read_field(inode, file, f_inode);
	read_field(sb, inode, i_sb);
	read_field(magic, sb, s_magic);
	if (magic != SOCKFS_MAGIC)
		return 0;
	read_field(socket, file, private_data);
	read_field(sk, socket, sk);
	if (sk && (family_of(sk) == AF_INET || family_of(sk) == AF_INET6))
		seed(sk, task);
	return 0;
}
