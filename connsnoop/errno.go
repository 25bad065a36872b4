package connsnoop

// Errno is an error number of Linux, the same on x86-64 and arm64.
type Errno uint32

// errnoNames are those that a connection can end with (tcp(7), ip(7),
// connect(2), and what netfilter and ICMP cause).
var errnoNames = map[Errno]string{
	1: "EPERM", 4: "EINTR", 5: "EIO", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 14: "EFAULT",
	16: "EBUSY", 19: "ENODEV", 22: "EINVAL", 32: "EPIPE", 71: "EPROTO", 90: "EMSGSIZE",
	92: "ENOPROTOOPT", 95: "EOPNOTSUPP", 97: "EAFNOSUPPORT", 98: "EADDRINUSE",
	99: "EADDRNOTAVAIL", 100: "ENETDOWN", 101: "ENETUNREACH", 102: "ENETRESET",
	103: "ECONNABORTED", 104: "ECONNRESET", 105: "ENOBUFS", 106: "EISCONN", 107: "ENOTCONN",
	110: "ETIMEDOUT", 111: "ECONNREFUSED", 112: "EHOSTDOWN", 113: "EHOSTUNREACH",
	114: "EALREADY", 115: "EINPROGRESS", 512: "ERESTARTSYS",
}

// Name is the symbol, such as ECONNREFUSED, or empty if it is none of those.
func (e Errno) Name() string { return errnoNames[e] }

// Result sorts an error number; that of no error is ResultOK.
func (e Errno) Result() Result {
	switch e {
	case 0:
		return ResultOK
	case 111:
		return ResultRefused
	case 110:
		return ResultTimeout
	case 32, 104:
		return ResultReset
	case 100, 101, 112, 113:
		return ResultUnreachable
	case 4, 103, 512:
		return ResultAborted
	}
	return ResultError
}

type errnoDocument struct {
	Number Errno   `json:"number"`
	Name   *string `json:"name"`
}

// orNull returns nil, which is JSON's null, for no error.
func (e Errno) orNull() *errnoDocument {
	if e == 0 {
		return nil
	}
	d := &errnoDocument{Number: e}
	if name := e.Name(); name != "" {
		d.Name = &name
	}
	return d
}
