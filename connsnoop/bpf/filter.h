/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Filters. Those of the opener, network namespace, family and direction keep a
 * connection from being followed; ports, addresses and the result keep its
 * records from being sent. What is not asked for, the verifier takes out.
 */
#ifndef CONNSNOOP_FILTER_H
#define CONNSNOOP_FILTER_H

#include "maps.h"

/* Which sets are asked; the sets' names in filter_linux.go. */
enum filter {
	FILTER_PID = 1 << 0,
	FILTER_UID = 1 << 1,
	FILTER_COMM = 1 << 2,
	FILTER_CGROUP = 1 << 3,
	FILTER_NETNS = 1 << 4,
	FILTER_PORT = 1 << 5,
	FILTER_PREFIX = 1 << 6,
};

const volatile __u32 filters = 0;
const volatile __u32 filter_results = 0;  /* bit set of enum result */
const volatile __u8 filter_direction = 0; /* enum direction */
const volatile __u16 filter_family = 0;	  /* of the addresses, not the socket */

#define FILTER_SET(name, key_type, entries)                                                        \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__type(key, key_type);                                                             \
		__type(value, __u8);                                                               \
		__uint(max_entries, entries);                                                      \
	} name SEC(".maps")

struct comm {
	__u8 name[TASK_COMM_LEN];
};

FILTER_SET(filter_pids, __u32, 1);
FILTER_SET(filter_uids, __u32, 1);
FILTER_SET(filter_comms, struct comm, 1);
FILTER_SET(filter_cgroups, __u64, 1);
FILTER_SET(filter_netns, __u32, 1);
FILTER_SET(filter_ports, __u16, 1);

/* IPv4 addresses are in their mapped form. */
struct prefix {
	__u32 bits;
	__u8 address[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u8);
	__uint(max_entries, 1);
} filter_prefixes SEC(".maps");

#define in_set(bit, set, key) (!(filters & (bit)) || bpf_map_lookup_elem(&(set), (key)))

static __always_inline bool is_mapped(const __u8 *address)
{
	const __u64 *half = (const void *)address;
	const __u32 *quarter = (const void *)address;

	return !half[0] && quarter[2] == 0xffff0000;
}

static __always_inline bool family_wanted(struct tuple *t)
{
	__u16 family = t->family;

	if (family == AF_INET6 && is_mapped(t->remote))
		family = AF_INET;
	return !filter_family || filter_family == family;
}

static __noinline bool opener_wanted(struct conn *c)
{
	return in_set(FILTER_PID, filter_pids, &c->opener.pid) &&
	       in_set(FILTER_UID, filter_uids, &c->opener.uid) &&
	       in_set(FILTER_COMM, filter_comms, &c->opener.comm) &&
	       (!(filters & FILTER_CGROUP) || (c->flags & FLAG_IN_CGROUP)) &&
	       in_set(FILTER_NETNS, filter_netns, &c->netns) &&
	       (!filter_direction || filter_direction == c->direction) && family_wanted(&c->tuple);
}

/* Who opened it is not known: none of the opener's filters lets it pass. */
static __always_inline bool filters_opener(void)
{
	return filters & (FILTER_PID | FILTER_UID | FILTER_COMM | FILTER_CGROUP);
}

static __noinline bool address_wanted(const __u8 *address, __u16 family)
{
	struct prefix p = {.bits = 128};

	if (family == AF_INET6) {
		__builtin_memcpy(p.address, address, 16);
	} else {
		p.address[10] = p.address[11] = 0xff;
		__builtin_memcpy(p.address + 12, address, 4);
	}
	return bpf_map_lookup_elem(&filter_prefixes, &p);
}

static __noinline bool tuple_wanted(struct tuple *t)
{
	if ((filters & FILTER_PORT) && !bpf_map_lookup_elem(&filter_ports, &t->local_port) &&
	    !bpf_map_lookup_elem(&filter_ports, &t->remote_port))
		return 0;
	if ((filters & FILTER_PREFIX) && !address_wanted(t->local, t->family) &&
	    !address_wanted(t->remote, t->family))
		return 0;
	return 1;
}

static __always_inline bool result_wanted(__u8 result)
{
	return !filter_results || !result || (filter_results & (1U << (result & 31)));
}

#endif
