package multitenantcgroups_test

import (
	"fmt"

	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

func ExampleParsePolicy() {
	policy, err := mtc.ParsePolicy([]byte(`
schema: cgroup-policy/v1
root: lab
tenants:
  - name: alpha
    limits: {memory.max: 64M, cpu.max: "50000"}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, control := range mtc.Controls {
		if value, ok := policy.Tenants[0].Limits[control]; ok {
			fmt.Println(control, value)
		}
	}
	// Output:
	// memory.max 67108864
	// cpu.max 50000 100000
}

func ExampleParsePolicy_faults() {
	_, err := mtc.ParsePolicy([]byte(`
schema: cgroup-policy/v1
root: ../lab
tenants: [{name: alpha, limits: {pids.max: 0}}]
`))
	fmt.Println(err)
	// Output:
	// check policy: /root  pattern  does not match pattern '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'
	//   /tenants/0/limits/pids.max  minimum  must be >= 1 but found 0
}

func ExampleCanonical() {
	value, err := mtc.Canonical(mtc.MemoryMax, "100001", 4096)
	fmt.Println(value, err)
	// Output: 98304 <nil>
}

func ExampleAdmit() {
	policy, err := mtc.ParsePolicy([]byte(twoTenants))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range mtc.Admit(policy, mtc.Capacity{CPUs: 2, MemoryBytes: 64 << 20, Pids: 4096}) {
		fmt.Println(a, a.Overcommit)
	}
	// Output:
	// cpu.max: limits add up to 0.40 of the machine false
	// memory.max: limits add up to 1.50 of the machine true
	// pids.max: limits add up to 0.01 of the machine false
}
