#include "textflag.h"

// func prlimit(into *limits) uintptr
TEXT ·prlimit(SB), NOSPLIT, $0-16
	MOVD $261, R8 // prlimit64
	MOVD ZR, R0   // this process
	MOVD $7, R1   // RLIMIT_NOFILE
	MOVD ZR, R2   // no new limit
	MOVD into+0(FP), R3
	SVC
	MOVD R0, ret+8(FP)
	RET
