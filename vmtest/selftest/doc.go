// Package selftest tests the harness itself on real virtual machines: it
// breaks guests, QEMU, the channel and vmtest, and looks at what is said of it.
// It only uses what users have, package vmtest and bin/vmtest. Its tests need
// the build tag selftest; `make selftest` runs them.
package selftest
