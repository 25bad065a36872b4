#include "textflag.h"

// func rawVfork(trap, first, second uintptr) (pid, errno uintptr)
TEXT ·rawVfork(SB), NOSPLIT|NOFRAME, $0-40
	MOVQ trap+0(FP), AX
	MOVQ first+8(FP), DI
	MOVQ second+16(FP), SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	POPQ R12            // the return address
	SYSCALL
	PUSHQ R12
	CMPQ AX, $-4095
	JCC  failed
	MOVQ AX, pid+24(FP)
	MOVQ $0, errno+32(FP)
	RET
failed:
	MOVQ $0, pid+24(FP)
	NEGQ AX
	MOVQ AX, errno+32(FP)
	RET
