// Package kernels turns a series such as "6.12" into files to boot: the
// newest Debian cloud kernel of that series that can really be downloaded,
// checked and unpacked in a cache that later runs use without a network.
//
// Everything about the archive is left to apt(8), run without root over a
// state directory of its own: signatures, proxies, by-hash and checksums are
// apt's, and the machine's own package lists are never touched. Mirrors come
// from the machine's apt configuration unless the caller names others.
//
// Mind that an index is a promise, not a fact: mirrors list packages their
// pool has no more (or not yet), and since 6.19 a kernel is three packages of
// which one may be absent. So a candidate counts only once it is unpacked,
// and the next one is tried when it is not to be had.
package kernels
