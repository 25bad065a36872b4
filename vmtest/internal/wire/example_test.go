package wire_test

import (
	"bytes"
	"fmt"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// A command's result as both ends see it.
func Example() {
	var channel bytes.Buffer
	guest := wire.NewEncoder(&channel)
	_ = guest.Encode(wire.TypeStdout, 1, []byte("hi\n"))
	_ = guest.EncodeJSON(wire.TypeExit, 1, wire.Exit{Code: 3})

	host := wire.NewDecoder(&channel)
	out, _ := host.Decode()
	end, _ := host.Decode()
	var exit wire.Exit
	_ = end.JSON(&exit)
	fmt.Printf("%d %s %q\n%d %s code %d\n", out.Seq, out.Type, out.Payload, end.Seq, end.Type, exit.Code)
	// Output:
	// 1 stdout "hi\n"
	// 2 exit code 3
}
