package connsnoop_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"namespaces-cgroups-ebpf/connsnoop"
)

func ExampleEvent() {
	event := connsnoop.Event{
		Kind: connsnoop.KindClosed, Backend: connsnoop.BackendFentry, Result: connsnoop.ResultOK,
		Direction: connsnoop.Connect, PIDSource: connsnoop.PIDConnect,
		Opener: connsnoop.Identity{PID: 4242, Comm: "curl"},
		Local:  netip.MustParseAddrPort("192.0.2.1:40000"),
		Remote: netip.MustParseAddrPort("192.0.2.7:443"),
		Opened: 5 * time.Second, Closed: 5250 * time.Millisecond,
		TxBytes: 1000, RxBytes: 5000, State: "ESTABLISHED",
	}
	fmt.Println(event.Opener.Comm, event.Remote, event.Family(), event.Duration(), event.TxBytes, event.RxBytes)

	document, err := json.Marshal(event)
	fmt.Println(string(document[:55]), err)
	// Output:
	// curl 192.0.2.7:443 ipv4 250ms 1000 5000
	// {"schema":"conn-event/v1","type":"close","direction":"c <nil>
}
