package exitcode

import "errors"

// The exit codes of every command here. A harness fault never looks like a
// failed test, and a failed test never looks like bad usage.
const (
	Pass         = 0   // everything passed, or was skipped for a checked reason
	Fail         = 1   // something that was checked is not so
	Usage        = 2   // bad arguments or bad input; nothing was done
	Inconclusive = 3   // too noisy to tell, and nothing failed
	Unsupported  = 4   // this kernel or machine cannot run it
	Harness      = 128 // our own fault, never the fault of what was tested
)

// Error carries the exit code that main returns for an error.
type Error struct {
	Code int
	Err  error
}

// Error returns the text of the wrapped error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// With attaches an exit code to err. A nil err stays nil.
func With(code int, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Err: err}
}

// Quiet is an exit code without a message: everything has been said.
func Quiet(code int) error {
	if code == Pass {
		return nil
	}
	return &Error{Code: code, Err: quiet{}}
}

type quiet struct{}

func (quiet) Error() string { return "" }

// Of returns the exit code for err: 0 for nil, the attached code if there is
// one, else Fail.
func Of(err error) int {
	if err == nil {
		return Pass
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Fail
}
