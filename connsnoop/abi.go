package connsnoop

// The layout of what bpf/abi.h sends: a test compares the two through BTF.
// Both of our architectures are little-endian.

const commLength = 16

type rawWho struct {
	PID, TID, PPID, UID, NSPID uint32
	_                          uint32
	Comm                       [commLength]byte
}

type rawTuple struct {
	Local, Remote         [16]byte
	LocalPort, RemotePort uint16
	Family                uint16
	ServicePort           uint16
}

type rawConn struct {
	OpenedNs, SynNs, EstablishedNs, ClosingNs uint64
	CgroupID                                  uint64
	Opener, Closer                            rawWho
	Tuple                                     rawTuple
	Netns                                     uint32
	Direction, PIDSource, Flags, CloseState   uint8
}

type rawEvent struct {
	Socket, Ns                         uint64
	TxBytes, RxBytes                   uint64
	Retransmits, SrttUs, MinRttUs, Err uint32
	Kind, Result, State                uint8
	_                                  [5]byte
	Conn                               rawConn
}

type rawCgroupPath struct {
	Length uint32
	_      uint32
	Names  [768]byte
}

type rawAggregateKey struct {
	CgroupID  uint64
	Comm      [commLength]byte
	Port      uint16
	Direction uint8
	_         [5]byte
}

type rawAggregate struct {
	Opened, Closed, Failed, TxBytes, RxBytes uint64
}
