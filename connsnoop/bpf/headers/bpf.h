/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The part of the BPF C dialect that connsnoop needs, written from the
 * kernel's user-space ABI (include/uapi/linux/bpf.h: helper numbers never
 * change) and from clang's documentation of its BPF builtins. Nothing here
 * depends on installed headers, so every machine generates the same objects.
 */
#ifndef CONNSNOOP_BPF_H
#define CONNSNOOP_BPF_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef _Bool bool;

#define NULL ((void *)0)
#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))
/* A function of its own, for its own part of the 512 bytes of stack. */
#define __noinline __attribute__((noinline))

/* Map definitions: the loader reads these types from BTF. */
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_PERCPU_HASH 5
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_LRU_HASH 9
#define BPF_MAP_TYPE_LPM_TRIE 11
#define BPF_MAP_TYPE_RINGBUF 27

#define BPF_F_NO_PREALLOC 1

#define BPF_ANY 0
#define BPF_NOEXIST 1

#define BPF_RB_NO_WAKEUP 1
#define BPF_RB_FORCE_WAKEUP 2
#define BPF_RB_AVAIL_DATA 0

#define ENOENT 2
#define E2BIG 7
#define ENOMEM 12
#define EBUSY 16

/* clang turns an access to a field of these types into a CO-RE relocation. */
#define CORE __attribute__((preserve_access_index))
#define core_exists(field) __builtin_preserve_field_info(field, 2)

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
					 __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static __u64 (*const bpf_get_current_uid_gid)(void) = (void *)15;
static __u64 (*const bpf_get_current_task)(void) = (void *)35;
static long (*const bpf_probe_read_kernel)(void *dst, __u32 size, const void *src) = (void *)113;
static long (*const bpf_probe_read_kernel_str)(void *dst, __u32 size,
					       const void *src) = (void *)115;
static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)132;
static __u64 (*const bpf_ringbuf_query)(void *ring, __u64 what) = (void *)134;

/* Copy one kernel field into dst, which must have the field's size. */
#define read_field(dst, ptr, field) bpf_probe_read_kernel(&(dst), sizeof(dst), &(ptr)->field)

/* The same for one bit: where it lies in which word is relocated, too. */
#define read_bit(ptr, field)                                                                       \
	({                                                                                         \
		__u64 word = 0;                                                                    \
		bpf_probe_read_kernel(&word, __builtin_preserve_field_info((ptr)->field, 1),       \
				      (char *)(ptr) +                                              \
					  __builtin_preserve_field_info((ptr)->field, 0));         \
		word <<= __builtin_preserve_field_info((ptr)->field, 4);                           \
		word >>= __builtin_preserve_field_info((ptr)->field, 5);                           \
		word;                                                                              \
	})

/* Registers at a probe: what the kernel passes as context of kprobe programs. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#define first_argument(ctx) ((void *)(ctx)->di)
#define second_argument(ctx) ((void *)(ctx)->si)
#define return_value(ctx) ((ctx)->ax)
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	unsigned long regs[31], sp, pc, pstate;
};
#define first_argument(ctx) ((void *)(ctx)->regs[0])
#define second_argument(ctx) ((void *)(ctx)->regs[1])
#define return_value(ctx) ((ctx)->regs[0])
#else
#error "connsnoop knows the registers of x86-64 and arm64 only"
#endif

#endif
