package seccomp

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Compiling the default profile takes longer than starting a process. Nearly
// every container has it, so its filter is part of this program, behind the
// digest of the profile that it was made from (TestGeneratedFilter). Another
// profile has another digest, and is compiled.

// precompiled returns the finished filter of the default profile.
func precompiled(profile *specs.LinuxSeccomp) ([]byte, bool) {
	key := digest(profile)
	if len(defaultFilter) < len(key) || defaultFilter[:len(key)] != string(key[:]) {
		return nil, false
	}
	return []byte(defaultFilter[len(key):]), true
}

// Precompiled reports whether a profile need not be compiled.
func Precompiled(profile *specs.LinuxSeccomp) bool {
	_, found := precompiled(profile)
	return found
}

// digest is different for profiles that say something different.
func digest(profile *specs.LinuxSeccomp) [sha256.Size]byte {
	d := digester{Hash: sha256.New()}
	d.text(string(profile.DefaultAction))
	d.optional(profile.DefaultErrnoRet)
	d.text(profile.ListenerPath)
	d.text(profile.ListenerMetadata)
	d.number(uint64(len(profile.Architectures)))
	for _, arch := range profile.Architectures {
		d.text(string(arch))
	}
	d.number(uint64(len(profile.Syscalls)))
	for _, entry := range profile.Syscalls {
		d.entry(entry)
	}
	d.Write(d.pending)
	return [sha256.Size]byte(d.Sum(nil))
}

// digester writes everything with its length before it.
type digester struct {
	hash.Hash
	pending []byte
}

func (d *digester) entry(e specs.LinuxSyscall) {
	d.text(string(e.Action))
	d.optional(e.ErrnoRet)
	d.number(uint64(len(e.Names)))
	for _, name := range e.Names {
		d.text(name)
	}
	d.number(uint64(len(e.Args)))
	for _, arg := range e.Args {
		d.number(uint64(arg.Index))
		d.number(arg.Value)
		d.number(arg.ValueTwo)
		d.text(string(arg.Op))
	}
}

func (d *digester) number(n uint64) { d.pending = binary.LittleEndian.AppendUint64(d.pending, n) }

func (d *digester) text(s string) {
	d.number(uint64(len(s)))
	d.pending = append(d.pending, s...)
}

// optional tells a missing number from 0.
func (d *digester) optional(n *uint) {
	if n == nil {
		d.number(0)
		return
	}
	d.number(1)
	d.number(uint64(*n))
}
