package seccomp

import (
	"runtime"
	"sync"
)

// nativeNames is the table of system calls of this machine, turned around.
var nativeNames = sync.OnceValue(func() map[uint64]string {
	names := map[uint64]string{}
	native, ok := machines()[runtime.GOARCH]
	table, err := parsedTable()
	if !ok || err != nil {
		return names
	}
	for name, row := range table {
		if number := row[native[0].column]; number >= 0 {
			names[uint64(number)] = name
		}
	}
	return names
})

// CallName tells what a system call of this machine is called; "" if it has
// no such number.
func CallName(number uint64) string { return nativeNames()[number] }
