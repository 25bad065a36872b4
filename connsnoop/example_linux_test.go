package connsnoop_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"namespaces-cgroups-ebpf/connsnoop"
)

// Ten seconds of connections from or to port 443. It has no output comment:
// it needs privileges, so it is compiled but not run.
func ExampleTracer_Events() {
	tracer, err := connsnoop.New(connsnoop.Options{Filter: connsnoop.Filter{Ports: []uint16{443}}})
	if err != nil {
		log.Print(err)
		return
	}
	defer tracer.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for event, err := range tracer.Events(ctx) {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(event.Opener.Comm, event.Remote, event.TxBytes, event.RxBytes)
	}
}
