/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs share with each other and with user space. */
#ifndef CONNSNOOP_MAPS_H
#define CONNSNOOP_MAPS_H

#include "headers/kernel.h"

enum direction {
	DIRECTION_CONNECT = 1,
	DIRECTION_ACCEPT = 2,
};

/* Who opened a connection, and when; decoded in record.go. */
struct conn {
	__u64 opened_ns; /* CLOCK_MONOTONIC */
	__u32 pid;
	__u32 tid;
	__u32 uid;
	__u8 comm[TASK_COMM_LEN];
	__u8 direction;
	__u8 pad[3];
};

/* Ports in host byte order; an IPv4 address is in the first four bytes. */
struct addresses {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u16 family;
	__u16 pad;
};

/* What goes through the ring: the layout is asserted by a test. */
struct conn_record {
	struct conn conn;
	struct addresses addresses;
	__u64 closed_ns;
	__u64 tx_bytes;
	__u64 rx_bytes;
	__u32 closer_pid;
	__u32 netns_inode;
	__u32 state; /* enum tcp_state as tcp_close() found it */
	__u32 pad;
};

/* Indices of the counters; named again in stats.go. */
enum counter {
	OPENED,
	CLOSED,
	SUBMITTED,
	FAILED,
	REPLACED,
	MAP_FULL,
	MAP_BUSY,
	RING_FULL,
	FILTERED,
	COUNTERS,
};

/* Not per-CPU: a connection is opened and closed on different CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, struct conn);
	__uint(max_entries, 16384);
} live SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

/* Bytes in the ring that wake the reader, which else looks at intervals. */
#define WAKEUP_BYTES (64 * 1024)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, COUNTERS);
} counters SEC(".maps");

/* Keeps struct conn_record in the object's BTF, for the layout test. */
const struct conn_record *const layout SEC(".rodata") = NULL;

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value) /* atomic: an interrupt may run another program on this CPU */
		__sync_fetch_and_add(value, 1);
}

#endif
