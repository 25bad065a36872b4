// Package doctor is the shape of a machine's examination: checks with what was
// found, what follows from it and what to do, as doctor/v1 and as text.
package doctor
