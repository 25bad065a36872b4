package bpftour

import (
	"cmp"
	"math"
	"slices"

	"namespaces-cgroups-ebpf/bpf-tour/internal/bpfjson"
)

// mergeTwins adds up the histograms whose keys were printed alike. It returns
// them in the order of their first, and the keys that came more than once.
func mergeTwins(entries []bpfjson.Entry) (merged []bpfjson.Entry, twins []string) {
	at := map[string]int{}
	for _, e := range entries {
		i, ok := at[e.Key]
		if !ok {
			at[e.Key] = len(merged)
			merged = append(merged, e)
			continue
		}
		merged[i].Buckets = addBuckets(merged[i].Buckets, e.Buckets)
		twins = append(twins, e.Key)
	}
	return merged, twins
}

// addBuckets adds up buckets of the same layout, from small to large.
func addBuckets(a, b []bpfjson.Bucket) []bpfjson.Bucket {
	sum := slices.Clone(a)
	for _, bucket := range b {
		i := slices.IndexFunc(sum, func(s bpfjson.Bucket) bool { return least(s) == least(bucket) })
		if i < 0 {
			sum = append(sum, bucket)
			continue
		}
		sum[i].Count += bucket.Count
	}
	slices.SortFunc(sum, func(x, y bpfjson.Bucket) int { return cmp.Compare(least(x), least(y)) })
	return sum
}

// least is the lower bound of a bucket; the one that is open below comes first.
func least(b bpfjson.Bucket) int64 {
	if b.Min == nil {
		return math.MinInt64
	}
	return *b.Min
}
