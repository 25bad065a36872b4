// Package xdr writes values as bytes and reads them again, in the External
// Data Representation of RFC 4506: whole numbers of 4 or 8 bytes, most
// significant first; what has a length has it in 4 bytes before it.
//
// As in the first implementations of that format, one function per type (a
// filter) does both ways, so the two sides cannot disagree about the order of
// fields. It is here because a program pays for package encoding/json anew at
// each start: to look at the types of a container's configuration takes that
// package longer than to mount the container's file systems.
package xdr
