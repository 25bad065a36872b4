/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For a test: life.h as it is shipped, but with a map of live connections that
 * refuses. The kernel refuses an update with EBUSY or EDEADLK if it would
 * interrupt another of the same bucket on the same CPU, which nobody can bring
 * about from outside.
 */
#include "headers/bpf.h"

int refusal; /* of the next update; 0 lets it pass */

#define bpf_map_update_elem(map, key, value, flags)                                                \
	((void *)(map) == (void *)&live && refusal ? refusal                                       \
						   : bpf_map_update_elem(map, key, value, flags))

#include "life.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A connection that begins and ends; ctx[0] tells it apart from others. */
SEC("raw_tp/open_and_end") int open_and_end(__u64 *ctx)
{
	struct conn c = {.direction = DIRECTION_CONNECT, .pid_source = PID_CONNECT};
	struct sock *sk = (void *)ctx[0];
	struct conn *found;

	follow(sk, &c);
	found = find(ctx[0]);
	if (found)
		end(sk, found, TCP_LAST_ACK, 0);
	else
		end_unseen(sk, TCP_ESTABLISHED);
	return 0;
}
