package spawn

// rawVfork makes one clone(2) or clone3(2). A child that shares our memory
// also shares our stack: it returns first, calls other functions, and leaves
// rubbish where a return address of ours would have been. So the address is
// kept in a register meanwhile, and only the function that calls rawVfork may
// go on in the child; it must not return there.
//
//go:noescape
func rawVfork(trap, first, second uintptr) (pid, errno uintptr)
