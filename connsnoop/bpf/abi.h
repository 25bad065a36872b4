/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What goes from the kernel to user space. The Go mirror is in abi.go, and a
 * test compares the two through the object's BTF: change both.
 */
#ifndef CONNSNOOP_ABI_H
#define CONNSNOOP_ABI_H

#include "headers/kernel.h"

enum kind {
	KIND_OPEN = 1,
	KIND_ESTABLISHED,
	KIND_FAILED,
	KIND_CLOSED,
};

enum direction {
	DIRECTION_CONNECT = 1,
	DIRECTION_ACCEPT,
};

enum result {
	RESULT_NONE, /* not over yet */
	RESULT_OK,
	RESULT_REFUSED,
	RESULT_TIMEOUT,
	RESULT_RESET,
	RESULT_UNREACHABLE,
	RESULT_ABORTED,
	RESULT_ERROR, /* the errno says which */
};

/* How the opener was found out. */
enum pid_source {
	PID_UNKNOWN,
	PID_CONNECT,
	PID_ACCEPT,
	PID_ITER,  /* it held the socket when the tracer started */
	PID_CLOSE, /* it closed the socket; nobody was seen to open it */
};

enum flag {
	FLAG_SEEDED = 1 << 0,
	FLAG_MPTCP = 1 << 1,
	FLAG_TFO = 1 << 2,
	/* these never leave the kernel's maps */
	FLAG_CONNECTING = 1 << 3, /* between entry and return of tcp_v[46]_connect */
	FLAG_DEAD = 1 << 4,	  /* recorded, but the kernel refused to delete it */
	FLAG_AGAIN = 1 << 5,	  /* what a first program may have ignored already */
	FLAG_IN_CGROUP = 1 << 6,  /* its cgroup, or one above it, is asked for */
};

/* A process: numbers of the initial namespaces, but for ns_pid. */
struct who {
	__u32 pid;
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 ns_pid; /* in the innermost PID namespace that it is in */
	__u32 pad;
	__u8 comm[TASK_COMM_LEN];
};

/* Ports in host byte order; an IPv4 address is in the first four bytes. */
struct tuple {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u16 family;
	__u16 service_port; /* the accepting side's */
};

/* What is known of a live connection. Times are CLOCK_MONOTONIC, 0 is never. */
struct conn {
	__u64 opened_ns;      /* connect called, accept returned, or first seen */
	__u64 syn_ns;	      /* first SYN sent */
	__u64 established_ns; /* handshake done, or accept returned */
	__u64 closing_ns;     /* close called */
	__u64 cgroup_id;      /* of the opener */
	struct who opener;
	struct who closer;
	struct tuple tuple;
	__u32 netns;
	__u8 direction;
	__u8 pid_source;
	__u8 flags;
	__u8 close_state; /* enum tcp_state as close found it */
};

struct event {
	__u64 socket; /* the kernel's address: tells connections apart */
	__u64 ns;     /* when this happened */
	__u64 tx_bytes;
	__u64 rx_bytes;
	__u32 retransmits;
	__u32 srtt_us;
	__u32 min_rtt_us; /* all ones: never measured */
	__u32 error;	  /* errno */
	__u8 kind;
	__u8 result;
	__u8 state; /* enum tcp_state that was left */
	__u8 pad[5];
	struct conn conn;
};

/*
 * Names from a cgroup up to the root, each with its NUL. Sized so that the
 * verifier sees that a name which starts in the first half fits.
 */
#define CGROUP_NAME 256
#define CGROUP_NAMES 512
#define CGROUP_DEPTH 24

struct cgroup_path {
	__u32 length; /* of names; 0 until all are there */
	__u32 pad;
	__u8 names[CGROUP_NAMES + CGROUP_NAME];
};

/* Who and where an aggregate is of. */
struct aggregate_key {
	__u64 cgroup_id;
	__u8 comm[TASK_COMM_LEN];
	__u16 port; /* service_port */
	__u8 direction;
	__u8 pad[5];
};

struct aggregate {
	__u64 opened;
	__u64 closed; /* failed ones too */
	__u64 failed;
	__u64 tx_bytes;
	__u64 rx_bytes;
};

/* Indices of the counters: the fields of Stats in stats.go. */
enum counter {
	OPENED,
	CLOSED,
	FAILED,
	SUBMITTED,
	RING_FULL,
	FILTERED,
	MAP_FULL,
	MAP_EBUSY,
	MAP_ENOMEM,
	MAP_OTHER,
	DELETE_BUSY,
	MISSED_END,
	SEEDED,
	LATE,
	UNSEEN,
	IGNORED,
	NOTICES,
	NOTICES_LOST,
	AGGREGATES_FULL,
	PATHS_LOST,
	COUNTERS,
};

#endif
