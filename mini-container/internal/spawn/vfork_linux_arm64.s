#include "textflag.h"

// func rawVfork(trap, first, second uintptr) (pid, errno uintptr)
TEXT ·rawVfork(SB), NOSPLIT|NOFRAME, $0-40
	MOVD trap+0(FP), R8
	MOVD first+8(FP), R0
	MOVD second+16(FP), R1
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD ZR, R4
	SVC                 // the return address is in a register anyway: R30
	CMN  $4095, R0
	BCS  failed
	MOVD R0, pid+24(FP)
	MOVD ZR, errno+32(FP)
	RET
failed:
	MOVD ZR, pid+24(FP)
	NEG  R0, R0
	MOVD R0, errno+32(FP)
	RET
