package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// ErrLost means that the guest went away or broke the protocol: what it was
// doing has no result.
var ErrLost = errors.New("guest lost")

// kmsgLimit bounds the kernel log lines kept until somebody takes them.
const kmsgLimit = 20000

// errAfterDone: the guest's last frame was not its last one.
var errAfterDone = errors.New("guest sent a frame after done")

// receiver takes the frames of one id. It is called from the session's
// reader, in order.
type receiver interface {
	receive(wire.Frame) error
	// lost is called once if the session ends before the receiver is done.
	lost(error)
}

// session is the host's end of the channel to guest init.
type session struct {
	conn io.ReadWriteCloser
	enc  *wire.Encoder

	hello, ready, done chan struct{} // closed when that frame has come
	ended              chan struct{} // closed when no more frames will come

	mu        sync.Mutex
	nextID    uint32
	receivers map[uint32]receiver
	helloMsg  wire.Hello
	doneMsg   wire.Done
	kmsg      []wire.Kmsg // since ready: the boot's own lines are not charged to a command
	bootLog   []wire.Kmsg // until ready
	kmsgNext  uint64      // Seq of the line that is due
	kmsgLost  int         // lines since ready that never came, or came over the limit
	heard     time.Time   // when the last frame came
	count     uint64      // frames that have come
	inside    bool        // one of them is being passed on: nobody listens meanwhile
	silent    *verdict.Silence
	err       error         // why it ended
	clockLag  time.Duration // of the guest behind us, at ready
}

func newSession(conn io.ReadWriteCloser) *session {
	s := prepareSession(conn)
	go s.read(wire.NewDecoder(conn))
	return s
}

// resumeSession is the session of a restored machine, whose guest said hello
// before it was saved.
func resumeSession(conn io.ReadWriteCloser, hello wire.Hello) *session {
	s := prepareSession(conn)
	s.helloMsg = hello
	close(s.hello)
	go s.read(wire.NewDecoderAt(conn, 2))
	return s
}

func prepareSession(conn io.ReadWriteCloser) *session {
	return &session{
		conn: conn, enc: wire.NewEncoder(conn),
		hello: make(chan struct{}), ready: make(chan struct{}), done: make(chan struct{}), ended: make(chan struct{}),
		receivers: map[uint32]receiver{}, heard: time.Now(),
	}
}

func (s *session) read(decoder *wire.Decoder) {
	for {
		frame, err := decoder.Decode()
		if err == nil {
			err = s.dispatch(frame)
		}
		if err != nil {
			s.end(err)
			return
		}
	}
}

func (s *session) dispatch(f wire.Frame) error {
	s.listen(false)
	defer s.listen(true)
	if isClosed(s.done) {
		return fmt.Errorf("%w: %s", errAfterDone, f.Type)
	}
	if f.ID != 0 {
		return s.deliver(f)
	}
	switch f.Type {
	case wire.TypeHello:
		return s.onHello(f)
	case wire.TypeReady:
		return s.onReady(f)
	case wire.TypeKmsg:
		return s.onKmsg(f)
	case wire.TypeHeartbeat:
		return nil
	case wire.TypeDone:
		return s.onDone(f)
	case wire.TypeError:
		var e wire.Error
		if err := f.JSON(&e); err != nil {
			return err
		}
		return &initError{e.Message}
	}
	return fmt.Errorf("unexpected %s frame from the guest", f.Type)
}

func (s *session) onHello(f wire.Frame) error {
	var hello wire.Hello
	if err := f.JSON(&hello); err != nil {
		return err
	}
	if hello.Protocol != wire.Protocol {
		return fmt.Errorf("guest speaks protocol %d, want %d: the initramfs is stale", hello.Protocol, wire.Protocol)
	}
	s.mu.Lock()
	s.helloMsg = hello
	s.mu.Unlock()
	return closeOnce(s.hello, "hello")
}

// onReady notes how far the guest's clock is behind. The way of the frame to us
// counts as lag, which makes the guest's clock that much too fast: less than the
// way of Resume to a guest that has just been woken.
func (s *session) onReady(f wire.Frame) error {
	now := time.Now()
	var ready wire.Ready
	if err := f.JSON(&ready); err != nil {
		return err
	}
	s.mu.Lock()
	if ready.TimeUnixNS != 0 {
		s.clockLag = now.Sub(time.Unix(0, ready.TimeUnixNS))
	}
	s.mu.Unlock()
	return closeOnce(s.ready, "ready")
}

func (s *session) onKmsg(f wire.Frame) error {
	var line wire.Kmsg
	if err := f.JSON(&line); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.kmsgNext
	if line.Seq < due {
		return fmt.Errorf("kernel log goes back from line %d to %d", due, line.Seq)
	}
	s.kmsgNext = line.Seq + 1
	if !isClosed(s.ready) {
		s.bootLog = append(s.bootLog, line)[:min(len(s.bootLog)+1, kmsgLimit)]
		return nil
	}
	s.kmsgLost += int(min(line.Seq-due, 1<<30))
	if len(s.kmsg) == kmsgLimit {
		s.kmsgLost++
		return nil
	}
	s.kmsg = append(s.kmsg, line)
	return nil
}

func (s *session) onDone(f wire.Frame) error {
	var done wire.Done
	if err := f.JSON(&done); err != nil {
		return err
	}
	if done.FramesSent != f.Seq {
		return fmt.Errorf("guest counts %d frames, %d came", done.FramesSent, f.Seq)
	}
	s.mu.Lock()
	s.doneMsg = done
	s.mu.Unlock()
	if err := closeOnce(s.done, "done"); err != nil {
		return err
	}
	return s.enc.EncodeJSON(wire.TypeAck, 0, wire.Ack{})
}

// closeOnce refuses a frame that may come only once.
func closeOnce(c chan struct{}, what string) error {
	if isClosed(c) {
		return fmt.Errorf("guest sent %s twice", what)
	}
	close(c)
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// deliver hands a frame to the receiver of its id. A frame for an id that is
// finished or was never given out breaks the protocol.
func (s *session) deliver(f wire.Frame) error {
	s.mu.Lock()
	r := s.receivers[f.ID]
	s.mu.Unlock()
	if r == nil {
		return fmt.Errorf("guest sent a %s frame for id %d, which is not open", f.Type, f.ID)
	}
	return r.receive(f)
}

// open gives out an id, under which r receives until release.
func (s *session) open(r receiver) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	s.nextID++
	s.receivers[s.nextID] = r
	return s.nextID, nil
}

func (s *session) release(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.receivers, id)
}

func (s *session) end(cause error) {
	s.mu.Lock()
	if s.silent != nil {
		cause = fmt.Errorf("%w for %v: %s", errSilent, time.Duration(s.silent.ForNS), s.silent.Detail)
	}
	s.err = fmt.Errorf("%w: %w", ErrLost, cause)
	open := s.receivers
	s.receivers = map[uint32]receiver{}
	s.mu.Unlock()
	for _, r := range open {
		r.lost(s.err)
	}
	close(s.ended)
}

// await waits for one of the session's own frames.
func (s *session) await(ctx context.Context, frame chan struct{}, what string) error {
	select {
	case <-frame:
		return nil
	case <-s.ended:
		select { // it may have come just before the end
		case <-frame:
			return nil
		default:
			return fmt.Errorf("wait for %s: %w", what, s.cause())
		}
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
	}
}

func (s *session) cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// takeKmsg returns the kernel log lines that came since it was last called,
// and how many are missing from them.
func (s *session) takeKmsg() (lines []wire.Kmsg, lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines, lost = s.kmsg, s.kmsgLost
	s.kmsg, s.kmsgLost = nil, 0
	return lines, lost
}

// listen takes down that a frame has come, or that it has been dealt with.
func (s *session) listen(again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.inside = time.Now(), !again
	s.count++
}

// frames grows with each frame that comes.
func (s *session) frames() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// busy tells whether we keep the guest waiting, rather than it us.
func (s *session) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inside
}

// boot returns the kernel log lines from before the guest was ready.
func (s *session) boot() []wire.Kmsg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bootLog
}

// silence is how long the guest has sent nothing.
func (s *session) silence() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.heard)
}
