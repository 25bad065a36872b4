/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs share with each other and with user space. */
#ifndef CONNSNOOP_MAPS_H
#define CONNSNOOP_MAPS_H

#include "abi.h"

/* Not per-CPU: a connection is opened and closed on different CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64); /* struct sock * */
	__type(value, struct conn);
	__uint(max_entries, 16384);
} live SEC(".maps");

/* Sockets for which live had no place: their end is no news. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u64);
	__type(value, __u8);
	__uint(max_entries, 16384);
} skipped SEC(".maps");

/* Threads inside tcp_v[46]_connect; a kretprobe does not see arguments. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u64); /* pid_tgid */
	__type(value, __u64);
	__uint(max_entries, 4096);
} calls SEC(".maps");

/* A cgroup's path never changes, and its number is never used again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u64);
	__type(value, struct cgroup_path);
	__uint(max_entries, 2048);
} cgroup_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, struct aggregate_key);
	__type(value, struct aggregate);
	__uint(max_entries, 4096);
} aggregates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, COUNTERS);
} counters SEC(".maps");

/* Keeps these in the object's BTF, for the tests of layout and codes. */
struct layout {
	struct event event;
	enum kind kind;
	enum direction direction;
	enum result result;
	enum pid_source pid_source;
	enum tcp_state tcp_state;
	enum counter counter;
	enum flag flag;
};

const struct layout *const layout SEC(".rodata") = NULL;

/* Set before loading. Bytes in the ring that wake the reader, which else looks at intervals. */
const volatile __u32 wakeup_bytes = 64 * 1024;
/* Whether open and established are told, too. */
const volatile __u8 all_kinds = 0;

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value) /* atomic: an interrupt may run another program on this CPU */
		__sync_fetch_and_add(value, 1);
}

#endif
