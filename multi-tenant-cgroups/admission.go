package multitenantcgroups

import (
	"fmt"
	"strconv"
)

// What apply does about a policy that promises more than there is.
const (
	AdmissionReport = "report" // say so and go on
	AdmissionRefuse = "refuse" // change nothing
)

// Capacity is what the machine has. The kernel accepts any overcommitment, so
// the sum over all tenants is checked here or nowhere.
type Capacity struct {
	CPUs        int    // CPUs that this process may run on
	MemoryBytes uint64 // MemTotal of /proc/meminfo
	Pids        uint64 // kernel.pid_max
}

// Admission compares the limits of all tenants for one control with the
// machine. A tenant without a limit counts as all of the machine.
type Admission struct {
	Control     string  `json:"control"`
	DemandRatio float64 `json:"demand_ratio"`    // sum of the limits / what the machine has
	Overcommit  bool    `json:"overcommit"`      // demand_ratio > 1
	Unlimited   int     `json:"unlimited_count"` // tenants without a limit
}

// Admit computes the sum rules of a policy, one per control that competes for
// something whose size is known. Swap is left out: a machine may have none.
func Admit(p Policy, c Capacity) []Admission {
	sizes := []struct {
		control string
		size    float64
	}{{CPUMax, float64(c.CPUs)}, {MemoryMax, float64(c.MemoryBytes)}, {PidsMax, float64(c.Pids)}}
	var all []Admission
	for _, s := range sizes {
		a := Admission{Control: s.control}
		for _, t := range p.Tenants {
			amount, limited := amountOf(s.control, t.Limits[s.control])
			if !limited {
				amount = s.size
				a.Unlimited++
			}
			a.DemandRatio += amount / s.size
		}
		a.Overcommit = a.DemandRatio > 1
		all = append(all, a)
	}
	return all
}

// amountOf returns a limit in CPUs, bytes or processes.
func amountOf(control, value string) (float64, bool) {
	if control == CPUMax {
		return cpuShare(value)
	}
	n, err := strconv.ParseUint(value, 10, 64)
	return float64(n), err == nil
}

// String reads "memory.max: limits add up to 1.50 of the machine (1 tenant unlimited)".
func (a Admission) String() string {
	text := fmt.Sprintf("%s: limits add up to %.2f of the machine", a.Control, a.DemandRatio)
	if a.Unlimited > 0 {
		text += fmt.Sprintf(" (%d unlimited)", a.Unlimited)
	}
	return text
}
