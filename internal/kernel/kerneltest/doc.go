// Package kerneltest is the one way for a test to skip because of the kernel.
//
// The text of the skip is a contract: the harness reads it and fails the test
// if the kernel it booted is new enough.
package kerneltest
