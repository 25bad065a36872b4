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

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
} CORE;

struct inet_sock {
	__u16 inet_sport;
} CORE;

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 snd_una;
	__u32 write_seq;
	bool is_mptcp;
} CORE;

struct task_struct {
	struct task_struct *group_leader;
	char comm[TASK_COMM_LEN];
} CORE;

#endif
