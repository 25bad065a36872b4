/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel fields connsnoop reads, and nothing else. Order and offsets here
 * mean nothing: CO-RE looks each field up by name in the running kernel's BTF,
 * through anonymous structs and unions too. Only the types must match.
 * All of them are there from 5.10 to 7.2, except where core_exists is asked.
 */
#ifndef CONNSNOOP_KERNEL_H
#define CONNSNOOP_KERNEL_H

#include "bpf.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define TASK_COMM_LEN 16

/* include/net/tcp_states.h */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};

/* Bit in skc_flags: the peer's FIN was received (enum sock_flags). */
#define SOCK_DONE 1

struct in6_addr {
	__u8 bytes[16];
};

struct ns_common {
	unsigned int inum;
} CORE;

struct net {
	struct ns_common ns;
} CORE;

struct possible_net {
	struct net *net;
} CORE;

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_family;
	__u8 skc_state;
	unsigned long skc_flags;
	struct possible_net skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} CORE;

struct kuid {
	__u32 val;
} CORE;

struct socket;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	int sk_err;
	struct kuid sk_uid;
	struct socket *sk_socket;
} CORE;

struct socket {
	struct sock *sk;
} CORE;

struct inet_sock {
	__u16 inet_sport;
} CORE;

struct minmax_sample {
	__u32 v;
} CORE;

struct minmax {
	struct minmax_sample s[3];
} CORE;

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq;
	__u32 srtt_us; /* eight times the smoothed round trip time */
	__u32 total_retrans;
	struct minmax rtt_min;
	__u8 syn_data_acked : 1;
	bool is_mptcp; /* where CONFIG_MPTCP is set */
} CORE;

struct upid {
	int nr;
	void *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
} CORE;

/* parent became __parent in 6.15. */
struct kernfs_node {
	struct kernfs_node *parent;
	struct kernfs_node *__parent;
	const char *name;
	__u64 id;
} CORE;

struct cgroup {
	struct kernfs_node *kn;
} CORE;

struct css_set {
	struct cgroup *dfl_cgrp;
} CORE;

#define PF_KTHREAD 0x00200000

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct css_set *cgroups;
	char comm[TASK_COMM_LEN];
} CORE;

#define SOCKFS_MAGIC 0x534f434b

struct super_block {
	unsigned long s_magic;
} CORE;

struct inode {
	struct super_block *i_sb;
} CORE;

struct file {
	struct inode *f_inode;
	void *private_data;
} CORE;

/* What the task_file iterator passes: a context, so no relocations. */
struct bpf_iter__task_file {
	void *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#endif
