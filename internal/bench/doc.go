// Package bench holds what benchmarks measure, as bench/v1, and prints it.
//
// A series is how long each sample of one thing took. A ratio compares two
// series pair by pair: sample i of one with sample i of the other, which were
// taken one right after the other, so that a machine that is slow for a while
// is slow for both. Medians of ratios mean something on a shared machine;
// ratios of medians do not.
package bench
