package bpftour_test

import (
	"context"
	"fmt"
	"os"
	"time"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
)

func ExampleLookup() {
	recipe, err := bpftour.Lookup("runqlat")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(recipe.Answers)
	for _, h := range recipe.Histograms {
		fmt.Println(h.Name, "in", h.Unit, "by", h.Key[0].Name)
	}
	// Output:
	// How long do processes that could run wait in the run queue, and which ones?
	// wait_ns in ns by comm
}

// Run needs root and bpftrace, so this example is compiled but not run.
func ExampleRun() {
	recipe, err := bpftour.Lookup("opensnoop")
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := bpftour.Run(context.Background(), bpftour.Options{
		Recipe:   recipe,
		Duration: 5 * time.Second,
		Ready:    func(probes uint64) { fmt.Println("start your workload now") },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, event := range result.Events {
		fmt.Println(event["comm"], event["path"], event["ret"])
	}
}

func ExampleWriteText() {
	result := bpftour.Result{
		Complete: true, DurationNS: int64(5 * time.Second), AttachNS: int64(time.Second),
		Histograms: []bpftour.Histogram{{
			Name: "size_bytes", Unit: "bytes", Key: map[string]any{"pid": uint64(42), "comm": "dd"}, SampleCount: 9,
			Buckets: []map[string]any{
				{"min_bytes": int64(512), "max_bytes": int64(1023), "sample_count": uint64(6)},
				{"min_bytes": int64(1024), "max_bytes": int64(2047), "sample_count": uint64(3)},
			},
		}},
	}
	_ = bpftour.WriteText(os.Stdout, &result, 0, 0)
	// Output:
	// size_bytes comm=dd pid=42 (9 samples)
	//    512 .. 1023 6 |##############################|
	//   1024 .. 2047 3 |###############               |
	//
	// 0 events, 1 histograms in 5s after 1s of attaching; complete
}
