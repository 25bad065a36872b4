package connsnoop

// Kind says what happened to a connection.
type Kind string

// The kinds of events. Closed and Failed are the record that each connection
// has at its end; Open and Established come only if Options.Events is set.
const (
	KindOpen        Kind = "open"        // connect(2) was called
	KindEstablished Kind = "established" // the handshake was completed, or accept(2) returned
	KindFailed      Kind = "failed"      // it ended without having been established
	KindClosed      Kind = "close"       // it ended
)

// End says whether an event is the record at the end of a connection.
func (k Kind) End() bool { return k == KindFailed || k == KindClosed }

// Direction says which side of a connection was seen.
type Direction string

// The two directions: a socket either called connect(2), or came out of accept(2).
const (
	Connect Direction = "connect"
	Accept  Direction = "accept"
)

// Result says how a connection ended.
type Result string

// The results. Of those that are not OK, only Aborted may go without an errno.
const (
	ResultOK          Result = "ok"          // both ends said FIN, or this one closed in order
	ResultRefused     Result = "refused"     // ECONNREFUSED: nobody listens there
	ResultTimeout     Result = "timeout"     // ETIMEDOUT: no answer, at connect or later
	ResultReset       Result = "reset"       // ECONNRESET, EPIPE: the peer sent a reset
	ResultUnreachable Result = "unreachable" // ENETUNREACH, EHOSTUNREACH and the like
	ResultAborted     Result = "aborted"     // this end gave up: closed while connecting, or sent a reset
	ResultError       Result = "error"       // any other errno, such as EADDRNOTAVAIL or EPERM
)

// Results lists every Result.
func Results() []Result {
	return []Result{ResultOK, ResultRefused, ResultTimeout, ResultReset, ResultUnreachable,
		ResultAborted, ResultError}
}

// PIDSource says how the opener became known.
type PIDSource string

// The sources, from the surest to none.
const (
	PIDConnect PIDSource = "connect" // it called connect(2)
	PIDAccept  PIDSource = "accept"  // its accept(2) returned the socket
	PIDIter    PIDSource = "iter"    // it held a descriptor of the socket when the tracer started
	PIDClose   PIDSource = "close"   // it closed the socket; who opened it was not seen
	PIDUnknown PIDSource = "unknown" // nobody is known: never accepted, or no descriptor
)
