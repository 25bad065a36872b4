/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Types that do not come from the running kernel itself are tried before they
 * are trusted: this says what they make of the process that runs it and of
 * one of its sockets, and user space compares that with the truth.
 */
#include "headers/bpf.h"
#include "headers/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct fdtable {
	struct file **fd;
} CORE;

struct files_struct {
	struct fdtable *fdt;
} CORE;

struct task_struct___files {
	struct files_struct *files;
} CORE;

/* A descriptor of a bound TCP socket of the process. */
const volatile __u32 socket_fd = 0;

__u32 seen_pid;
__u32 seen_netns;
__u16 seen_family;
__u16 seen_protocol;
__u16 seen_port; /* in network byte order */
char seen_comm[TASK_COMM_LEN];

static __always_inline struct sock *find_socket(void *task)
{
	struct task_struct___files *holder = task;
	struct files_struct *files = NULL;
	struct fdtable *table = NULL;
	struct socket *socket = NULL;
	struct file *file = NULL, **fd = NULL;
	struct sock *sk = NULL;

	read_field(files, holder, files);
	read_field(table, files, fdt);
	read_field(fd, table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), fd + socket_fd);
	read_field(socket, file, private_data);
	read_field(sk, socket, sk);
	return sk;
}

SEC("raw_tp/check_types")
int check_types(void)
{
	struct task_struct *task = (void *)bpf_get_current_task(), *leader = NULL;
	struct sock *sk = find_socket(task);
	struct inet_sock *inet = (void *)sk;
	struct pid *pid = NULL;
	struct net *net = NULL;
	__u32 level = 0;

	read_field(leader, task, group_leader);
	read_field(seen_comm, leader, comm);
	read_field(pid, leader, thread_pid);
	read_field(level, pid, level);
	bpf_probe_read_kernel(&seen_pid, sizeof(seen_pid),
			      (char *)&pid->numbers[0] + level * sizeof(struct upid));
	read_field(seen_family, sk, __sk_common.skc_family);
	read_field(seen_protocol, sk, sk_protocol);
	read_field(seen_port, inet, inet_sport);
	read_field(net, sk, __sk_common.skc_net.net);
	read_field(seen_netns, net, ns.inum);
	return 0;
}
