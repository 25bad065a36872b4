// Package snapshot keeps saved states of virtual machines in a cache directory
// that several processes share.
//
// A snapshot is a directory snapshots/<key> that appears by one rename, with a
// record of what is in it and a digest of each file. The key says what it was
// made from, so that one made from something else is never found. One that is
// damaged is taken away and made again. Whoever uses a snapshot holds a shared
// lock on its record; whoever makes or removes one holds <key>.lock. Both locks
// end with their process, and what a killed maker left is removed by the next
// one or by [Store.Collect].
package snapshot
