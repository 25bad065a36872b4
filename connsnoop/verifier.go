package connsnoop

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// VerifierSchema names the JSON form of a VerifierReport:
// schemas/verifier-report.v1.schema.json.
const VerifierSchema = "verifier-report/v1"

// VerifierReport says what a kernel's verifier made of the programs, with and
// without filters and events: the most that they can be.
type VerifierReport struct {
	Schema   string            `json:"schema"`
	Kernel   string            `json:"kernel"` // uname -r
	Arch     string            `json:"arch"`   // uname -m
	Programs []VerifiedProgram `json:"programs"`
	Refused  []RefusedBackend  `json:"refused"`
}

// VerifiedProgram is one program that was loaded.
type VerifiedProgram struct {
	Backend Backend `json:"backend"`
	Program string  `json:"program"`
	VerifierCost
}

// VerifierCost is what grows with a program.
type VerifierCost struct {
	Processed  uint32 `json:"processed_instructions_count"` // looked at, over all paths; the limit is a million
	Stack      uint32 `json:"stack_bytes"`                  // of the deepest chain of calls; the limit is 512
	Translated uint32 `json:"translated_bytes"`             // as the verifier left it
	Jited      uint32 `json:"jited_bytes"`                  // machine code
}

// RefusedBackend is one that this kernel does not have.
type RefusedBackend struct {
	Backend Backend `json:"backend"`
	Reason  string  `json:"reason"`
}

func (c VerifierCost) max(other VerifierCost) VerifierCost {
	return VerifierCost{
		Processed: max(c.Processed, other.Processed), Stack: max(c.Stack, other.Stack),
		Translated: max(c.Translated, other.Translated), Jited: max(c.Jited, other.Jited),
	}
}

// Exceeds returns an error that names what is over the ceiling.
func (c VerifierCost) Exceeds(ceiling VerifierCost) error {
	var over []string
	for _, figure := range []struct {
		name    string
		got, at uint32
	}{
		{"processed instructions", c.Processed, ceiling.Processed},
		{"bytes of stack", c.Stack, ceiling.Stack},
		{"bytes translated", c.Translated, ceiling.Translated},
		{"bytes of machine code", c.Jited, ceiling.Jited},
	} {
		if figure.got > figure.at {
			over = append(over, fmt.Sprintf("%d %s, ceiling %d", figure.got, figure.name, figure.at))
		}
	}
	if over == nil {
		return nil
	}
	return fmt.Errorf("check verifier's figures: %s", strings.Join(over, "; "))
}

var (
	processedLine = regexp.MustCompile(`(?m)^processed (\d+) insns`)
	stackLine     = regexp.MustCompile(`(?m)^stack depth (\d+(?:\+\d+)*)`)
)

// parseVerifierLog reads the verifier's statistics: how many instructions it
// looked at, and the stack of each function in the order of the program's text.
func parseVerifierLog(log string) (processed uint32, stacks []uint32, err error) {
	match := processedLine.FindStringSubmatch(log)
	depths := stackLine.FindStringSubmatch(log)
	if match == nil || depths == nil {
		return 0, nil, fmt.Errorf("read verifier's statistics: none in %.200q", log)
	}
	if processed, err = parseUint32(match[1]); err != nil {
		return 0, nil, err
	}
	for depth := range strings.SplitSeq(depths[1], "+") {
		bytes, err := parseUint32(depth)
		if err != nil {
			return 0, nil, err
		}
		stacks = append(stacks, bytes)
	}
	return processed, stacks, nil
}

func parseUint32(digits string) (uint32, error) {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("read verifier's statistics: %w", err)
	}
	return uint32(n), nil
}

// stackUnit is to what the verifier rounds the stack of each function.
const stackUnit = 32

// deepestStack is the most that a function and what it calls use at once. A
// function without a stack was removed by the verifier.
func deepestStack(function string, stacks map[string]uint32, calls map[string][]string) uint32 {
	stack, left := stacks[function]
	if !left {
		return 0
	}
	var below uint32
	for _, callee := range calls[function] {
		below = max(below, deepestStack(callee, stacks, calls))
	}
	return below + max(stackUnit, (stack+stackUnit-1)/stackUnit*stackUnit)
}
