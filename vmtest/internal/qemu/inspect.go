package qemu

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// CPU is where one of the guest's CPUs was when it was looked at.
type CPU struct {
	// PC is the program counter.
	PC uint64
	// User tells whether it ran a program rather than the kernel.
	User bool
	// Halted: it waits for an interrupt; without Interrupts that never comes.
	Halted bool
	// Interrupts are enabled.
	Interrupts bool
}

// Dead CPUs are halted for good.
func (c CPU) Dead() bool { return c.Halted && !c.Interrupts }

// String is for people: "spins in the kernel at 0xffffffff81000000".
func (c CPU) String() string {
	where := "the kernel"
	if c.User {
		where = "a program"
	}
	switch {
	case c.Dead():
		return "is halted for good"
	case c.Halted:
		return "waits for an interrupt"
	}
	return fmt.Sprintf("runs in %s at %#x", where, c.PC)
}

// Status is QEMU's run state: "running", "paused", "io-error" and so on.
func (q *QMP) Status(ctx context.Context) (string, error) {
	var answer struct {
		Status string `json:"status"`
	}
	err := q.Execute(ctx, "query-status", nil, &answer)
	return answer.Status, err
}

// CPUs looks at the registers of all CPUs.
func (q *QMP) CPUs(ctx context.Context) ([]CPU, error) {
	var text string
	arguments := map[string]string{"command-line": "info registers -a"}
	if err := q.Execute(ctx, "human-monitor-command", arguments, &text); err != nil {
		return nil, err
	}
	return parseRegisters(text)
}

// interruptFlag is IF of the flags register.
const interruptFlag = 1 << 9

var registersForm = regexp.MustCompile(`[RE]IP=([0-9a-f]+) [RE]FL=([0-9a-f]+) .*\bCPL=([0-3]) .*\bHLT=([01])`)

// parseRegisters reads the monitor's "info registers -a" of an x86 machine.
func parseRegisters(text string) ([]CPU, error) {
	var cpus []CPU
	for line := range strings.Lines(text) {
		m := registersForm.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		pc, err1 := strconv.ParseUint(m[1], 16, 64)
		flags, err2 := strconv.ParseUint(m[2], 16, 64)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("parse registers: bad number in %q", strings.TrimSpace(line))
		}
		cpus = append(cpus, CPU{PC: pc, User: m[3] == "3", Halted: m[4] == "1", Interrupts: flags&interruptFlag != 0})
	}
	if len(cpus) == 0 {
		return nil, fmt.Errorf("parse registers: no CPU in %.60q", text)
	}
	return cpus, nil
}
