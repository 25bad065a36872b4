//go:build vmtest && linux

package connsnoop_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

func pointer[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func rawCall(number, a, b, c uintptr) error {
	if _, _, errno := unix.Syscall(number, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// ring is an io_uring of one entry: it does one system call at a time, in a
// worker of the kernel (include/uapi/linux/io_uring.h).
type ring struct {
	fd      int
	rings   []byte // submission and completion queue, in one mapping
	entries []byte
	params  ringParams
}

type ringParams struct {
	SQEntries, CQEntries, Flags, SQThreadCPU, SQThreadIdle, Features, WQFd uint32
	_                                                                      [3]uint32
	SQ                                                                     struct{ Head, Tail, Mask, Entries, Flags, Dropped, Array, _, _, _ uint32 }
	CQ                                                                     struct{ Head, Tail, Mask, Entries, Overflow, CQEs, Flags, _, _, _ uint32 }
}

// Operations, and the flag that wants a worker for it.
const (
	ringAccept  = 13
	ringConnect = 16
	ringClose   = 19
	ringAsync   = 1 << 4

	ringOffsetEntries = 0x10000000
	ringEnterGetEvent = 1
	ringEntryBytes    = 64
)

func newRing() (*ring, error) {
	r := &ring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, pointer(&r.params), 0)
	if errno != 0 {
		return nil, fmt.Errorf("set up io_uring: %w", errno)
	}
	r.fd = int(fd)
	size := max(r.params.SQ.Array+4*r.params.SQEntries, r.params.CQ.CQEs+16*r.params.CQEntries)
	const protection, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	var err error
	if r.rings, err = unix.Mmap(r.fd, 0, int(size), protection, flags); err != nil {
		return nil, fmt.Errorf("map rings: %w", err)
	}
	r.entries, err = unix.Mmap(r.fd, ringOffsetEntries, ringEntryBytes*int(r.params.SQEntries), protection, flags)
	if err != nil {
		return nil, fmt.Errorf("map entries: %w", err)
	}
	return r, nil
}

func (r *ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }

// do has one operation done and returns its result.
func (r *ring) do(operation byte, fd int, address uintptr, offset uint64) (int, error) {
	tail := atomic.LoadUint32(r.word(r.params.SQ.Tail))
	e := r.entries[:ringEntryBytes]
	clear(e)
	e[0], e[1] = operation, ringAsync
	binary.LittleEndian.PutUint32(e[4:], uint32(fd))
	binary.LittleEndian.PutUint64(e[8:], offset)
	binary.LittleEndian.PutUint64(e[16:], uint64(address))
	*r.word(r.params.SQ.Array + 4*(tail&(r.params.SQEntries-1))) = 0
	atomic.StoreUint32(r.word(r.params.SQ.Tail), tail+1)
	if err := r.enter(); err != nil {
		return 0, err
	}
	head := atomic.LoadUint32(r.word(r.params.CQ.Head))
	at := r.params.CQ.CQEs + 16*(head&(r.params.CQEntries-1))
	result := int32(*r.word(at + 8))
	atomic.StoreUint32(r.word(r.params.CQ.Head), head+1)
	if result < 0 {
		return 0, unix.Errno(-result)
	}
	return int(result), nil
}

func (r *ring) enter() error {
	for submit := uintptr(1); ; submit = 0 {
		_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), submit, 1, ringEnterGetEvent, 0, 0)
		if errno == 0 {
			return nil
		}
		if !errors.Is(errno, unix.EINTR) {
			return fmt.Errorf("enter io_uring: %w", errno)
		}
	}
}

func (r *ring) close() error {
	return errors.Join(unix.Munmap(r.rings), unix.Munmap(r.entries), unix.Close(r.fd))
}

// playRing connects, accepts and closes in workers of an io_uring: threads
// of this process that have names and numbers of their own.
func playRing(a *actor) error {
	r, err := newRing()
	if err != nil {
		return err
	}
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	client, err := a.socket("ipv4", l.address())
	if err != nil {
		return err
	}
	if err := client.connectBy(r); err != nil {
		return err
	}
	server, err := l.acceptBy(r)
	if err != nil {
		return err
	}
	return errors.Join(a.exchange(client, server), client.closeBy(r), server.receiveEnd(), server.closeBy(r),
		l.close(), r.close())
}

// connectBy opens by the ring. The thread is a worker, whose number only the
// kernel knows.
func (e *end) connectBy(r *ring) error {
	address := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: e.Remote.Addr().As4()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&address.Port))[:], e.Remote.Port())
	return e.on.do(func() error {
		if err := e.beginOpening(); err != nil {
			return err
		}
		e.Opener.TID = 0
		_, err := r.do(ringConnect, e.fd, pointer(&address), unix.SizeofSockaddrInet4)
		runtime.KeepAlive(&address)
		e.Opened.Until = monotonic()
		if err != nil {
			return fmt.Errorf("connect by io_uring: %w", err)
		}
		e.Established = e.Opened
		return e.name(e.fd)
	})
}

func (l *listener) acceptBy(r *ring) (*end, error) {
	e := &end{on: l.a.server, network: l.network, truth: truth{
		Label: "server", Direction: "accept", Kind: "close", PIDSource: "accept", Result: "ok"}}
	l.a.add(e)
	return e, e.on.do(func() (err error) {
		if err := e.beginOpening(); err != nil {
			return err
		}
		e.Opener.TID = 0
		e.fd, err = r.do(ringAccept, l.fd, 0, 0)
		e.Opened.Until = monotonic()
		if err != nil {
			return fmt.Errorf("accept by io_uring: %w", err)
		}
		e.Established = e.Opened
		return e.name(e.fd)
	})
}

func (e *end) closeBy(r *ring) error {
	return e.on.do(func() error {
		if err := e.beginClosing(); err != nil {
			return err
		}
		e.Closer.TID = 0
		_, err := r.do(ringClose, e.fd, 0, 0)
		return err
	})
}
