// Package aptsources reads which package mirrors a Debian machine is
// configured to use, so that nothing in this module has to name one.
//
// It understands /etc/apt/sources.list, one-line *.list files and deb822
// *.sources files (sources.list(5)), and the mirror+file: lists that Debian's
// cloud images use.
//
// Gotcha: vendors publish their own packages under Debian's suite names and a
// component "main". A source that is signed by another keyring than Debian's is
// therefore passed over; one without Signed-By cannot be told apart, so callers
// try the mirrors one after the other and let apt check the signature.
package aptsources
