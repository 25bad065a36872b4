package kernels_test

import (
	"fmt"

	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

func ExampleList_Find() {
	list, _ := kernels.ParseList([]byte(`{"schema":"kernel-list/v1","kernels":[
		{"series":"6.12","suites":["trixie-security","trixie"],"optional":false,"default":true}]}`))
	s, _ := list.Find("6.12")
	fmt.Println(s.Suites)
	_, err := list.Find("5.4")
	fmt.Println(err)
	// Output:
	// [trixie-security trixie]
	// find kernel: series 5.4 is not in the list (6.12)
}

func ExampleCompareVersions() {
	fmt.Println(kernels.CompareVersions("6.12.117-1~deb12u1", "6.12.117-1") < 0)
	// Output: true
}
