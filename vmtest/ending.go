package vmtest

import (
	"errors"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// newTrace begins the record of a VM that is up.
func (vm *VM) newTrace() verdict.Trace {
	return verdict.Trace{
		Release: vm.assets.kernel.Release, Emulated: vm.Accelerator.Name == "tcg", At: time.Now(), Hello: &vm.session.helloMsg,
	}
}

// maxBootSplats bounds what a report says of a boot.
const maxBootSplats = 20

// bootSplats lists what the kernel complained about before the guest was ready.
// It is charged to no test.
func (vm *VM) bootSplats() []string {
	t := vm.newTrace()
	found := verdict.Complaints(vm.session.boot(), verdict.Conditions{Release: t.Release, Emulated: t.Emulated, At: t.At})
	return found[:min(len(found), maxBootSplats)]
}

// end takes down how a VM ended. QEMU must have ended, and the session with it.
func (vm *VM) end(t *verdict.Trace) {
	if isClosed(vm.session.done) {
		t.Done = &vm.session.doneMsg
	}
	if cause := vm.session.cause(); errors.Is(cause, errAfterDone) {
		t.Fault = cause.Error()
	}
	t.Shutdown, t.Console = vm.process.ShutdownReason(), vm.Console()
	t.Silence = vm.session.silenced()
	q := vm.process.End()
	t.QEMU = &verdict.QEMUEnd{Code: q.Code, Signal: q.Signal, ByUs: q.ByUs, Stderr: q.Stderr}
	// A QEMU that ends takes a frame that is on its way along.
	if broken := vm.session.broken(); q.ByUs || !errors.Is(vm.session.cause(), wire.ErrTruncated) {
		t.Broken = broken
	}
	if t.Fault != "" {
		t.Fault += "; " + vm.process.Ending()
	}
}
