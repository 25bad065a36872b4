/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions to a task. */
#ifndef CONNSNOOP_TASK_H
#define CONNSNOOP_TASK_H

#include "filter.h"

static __always_inline __u32 pid_in_own_namespace(struct task_struct *leader)
{
	struct pid *pid = NULL;
	__u32 level = 0;
	int number = 0;

	read_field(pid, leader, thread_pid);
	read_field(level, pid, level);
	bpf_probe_read_kernel(&number, sizeof(number),
			      (char *)&pid->numbers[0] + level * sizeof(struct upid));
	return number;
}

/* Before 5.17 the end of an earlier, longer name may follow the NUL. */
static __always_inline void read_comm(struct who *w, struct task_struct *leader)
{
	__builtin_memset(w->comm, 0, sizeof(w->comm));
	bpf_probe_read_kernel_str(w->comm, sizeof(w->comm), &leader->comm);
}

static __noinline void fill_who(struct who *w, struct task_struct *task, __u32 uid)
{
	struct task_struct *leader = NULL, *parent = NULL;

	read_field(w->pid, task, tgid);
	read_field(w->tid, task, pid);
	/* the task's own comm is the thread's: "iou-wrk-390" for io_uring */
	read_field(leader, task, group_leader);
	read_comm(w, leader);
	read_field(parent, leader, real_parent);
	read_field(w->ppid, parent, tgid);
	w->ns_pid = pid_in_own_namespace(leader);
	w->uid = uid;
}

static __always_inline bool is_kernel_thread(struct task_struct *task)
{
	__u32 flags = 0;

	read_field(flags, task, flags);
	return flags & PF_KTHREAD;
}

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *kn)
{
	struct kernfs_node *parent = NULL;

	if (core_exists(kn->__parent))
		read_field(parent, kn, __parent);
	else
		read_field(parent, kn, parent);
	return parent;
}

/* The root has no name. A path that is too long or too deep stays empty. */
static __noinline void walk_up(struct cgroup_path *path, struct kernfs_node *kn)
{
	struct kernfs_node *parent;
	const char *name;
	__u32 at = 0;
	long n;

	for (int i = 0; i < CGROUP_DEPTH; i++) {
		parent = parent_of(kn);
		if (!parent) {
			path->length = at + 1; /* so that the root's is not 0 */
			return;
		}
		if (at >= CGROUP_NAMES)
			break;
		name = NULL;
		read_field(name, kn, name);
		n = bpf_probe_read_kernel_str(&path->names[at & (CGROUP_NAMES - 1)], CGROUP_NAME,
					      name);
		if (n <= 0)
			break;
		at += n;
		kn = parent;
	}
	count(PATHS_LOST);
}

/* In place, not in a buffer of this CPU's: who interrupts us writes the same. */
static __always_inline void keep_path(__u64 id, struct kernfs_node *kn)
{
	static const struct cgroup_path empty;
	struct cgroup_path *path = bpf_map_lookup_elem(&cgroup_paths, &id);

	if (path && path->length)
		return;
	if (!path)
		bpf_map_update_elem(&cgroup_paths, &id, &empty, BPF_NOEXIST);
	path = bpf_map_lookup_elem(&cgroup_paths, &id);
	if (path)
		walk_up(path, kn);
	else
		count(PATHS_LOST);
}

/* Whether --cgroup names it, or one that it is below: those made after the start, too. */
static __noinline bool is_below_wanted(struct kernfs_node *kn)
{
	__u64 id;

	for (int i = 0; i < CGROUP_DEPTH && kn; i++) {
		id = 0;
		read_field(id, kn, id);
		if (bpf_map_lookup_elem(&filter_cgroups, &id))
			return 1;
		kn = parent_of(kn);
	}
	return 0;
}

/* The cgroup v2 that task is in. */
static __noinline void fill_cgroup(struct conn *c, struct task_struct *task)
{
	struct kernfs_node *kn = NULL;
	struct css_set *set = NULL;
	struct cgroup *group = NULL;

	read_field(set, task, cgroups);
	read_field(group, set, dfl_cgrp);
	read_field(kn, group, kn);
	read_field(c->cgroup_id, kn, id);
	keep_path(c->cgroup_id, kn);
	if ((filters & FILTER_CGROUP) && is_below_wanted(kn))
		c->flags |= FLAG_IN_CGROUP;
}

#endif
