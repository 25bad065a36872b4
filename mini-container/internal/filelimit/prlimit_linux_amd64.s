#include "textflag.h"

// func prlimit(into *limits) uintptr
TEXT ·prlimit(SB), NOSPLIT, $0-16
	MOVQ $302, AX // prlimit64
	XORL DI, DI   // this process
	MOVQ $7, SI   // RLIMIT_NOFILE
	XORL DX, DX   // no new limit
	MOVQ into+0(FP), R10
	SYSCALL
	MOVQ AX, ret+8(FP)
	RET
