// Package bpfjson reads what `bpftrace -f json` prints, line by line.
//
// Gotcha: it is not JSON Lines. There are blank and plain-text lines, bytes
// outside ASCII arrive mangled, map keys are joined and, on 0.23, escaped
// twice, and from 0.24 on counts turn hexadecimal in the middle of a stream,
// which is why a Decoder has state and must see every line in order.
package bpfjson
