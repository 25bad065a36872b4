// Package health finds out whether a machine can boot VMs, how fast, and what
// its cache has already: the checks of vmtest doctor.
package health
