package schemas_test

import (
	"fmt"
	"strings"

	"namespaces-cgroups-ebpf/schemas"
)

func ExampleValidate() {
	for _, p := range schemas.Validate("schema-list/v1", []byte(`{"schema":"schema-list/v1","schemas":[]}`)) {
		fmt.Println(p)
	}
	// Output: /schemas  minItems  minimum 1 items required, but found 0 items
}

func ExampleValidateLines() {
	lines := "{\"schema\":\"schema-list/v1\"}\n{\"schema\":\n"
	report, err := schemas.ValidateLines("schema-list/v1", strings.NewReader(lines))
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(report.Records, report.Invalid, report.OK())
	for _, p := range report.Problems {
		fmt.Println(p.Line, p.Keyword)
	}
	// Output:
	// 2 2 false
	// 1 required
	// 2 json
}
