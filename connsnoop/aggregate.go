package connsnoop

import (
	"cmp"
	"slices"
)

// Aggregate sums up the connections of one name, port, cgroup and direction.
type Aggregate struct {
	Comm      string    `json:"comm"`      // of the opener; empty if unknown
	Port      uint16    `json:"port"`      // of the accepting side
	Direction Direction `json:"direction"` // of this side
	Cgroup    Cgroup    `json:"cgroup"`    // of the opener
	Opened    uint64    `json:"opened_count"`
	Closed    uint64    `json:"closed_count"` // failed ones, too
	Failed    uint64    `json:"failed_count"`
	TxBytes   uint64    `json:"tx_bytes"`
	RxBytes   uint64    `json:"rx_bytes"`
}

// aggregateOf adds up what each CPU counted.
func aggregateOf(key rawAggregateKey, perCPU []rawAggregate) (Aggregate, error) {
	direction, err := nameOf(directions[:], key.Direction)
	if err != nil {
		return Aggregate{}, err
	}
	a := Aggregate{Comm: comm(key.Comm[:]), Port: key.Port, Direction: direction, Cgroup: Cgroup{ID: key.CgroupID}}
	for _, n := range perCPU {
		a.Opened += n.Opened
		a.Closed += n.Closed
		a.Failed += n.Failed
		a.TxBytes += n.TxBytes
		a.RxBytes += n.RxBytes
	}
	return a, nil
}

// sortAggregates puts those with the most payload first.
func sortAggregates(all []Aggregate) {
	slices.SortFunc(all, func(a, b Aggregate) int {
		return cmp.Or(
			cmp.Compare(b.TxBytes+b.RxBytes, a.TxBytes+a.RxBytes), cmp.Compare(b.Opened, a.Opened),
			cmp.Compare(a.Comm, b.Comm), cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Cgroup.ID, b.Cgroup.ID))
	})
}
