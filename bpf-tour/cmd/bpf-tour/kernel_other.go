//go:build !linux

package main

import "errors"

func kernelRelease() (string, error) { return "", errors.New("bpftrace runs on Linux only") }
