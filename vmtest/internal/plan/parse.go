package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"namespaces-cgroups-ebpf/schemas"
)

// File is the name of the plan in a deliverable's folder.
const File = "vmtest.json"

// ErrNone is returned where there is no plan at all.
var ErrNone = errors.New("find plans: no */" + File)

// Load reads the plans of all deliverables below the root of the repository,
// sorted by folder. The error lists everything wrong with all of them; it is
// an error too if there is no plan.
func Load(fsys fs.FS) ([]Plan, error) {
	files, err := fs.Glob(fsys, "*/"+File)
	if err != nil {
		return nil, fmt.Errorf("find plans: %w", err)
	}
	if len(files) == 0 {
		return nil, ErrNone
	}
	var plans []Plan
	var wrong []error
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("read plan: %w", err))
			continue
		}
		p, err := Parse(path.Dir(file), data)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		plans = append(plans, p)
	}
	return plans, errors.Join(wrong...)
}

// Parse reads the plan of one folder and checks it, first against its schema,
// then against the rules of this package. The error lists every fault.
func Parse(folder string, data []byte) (Plan, error) {
	file := path.Join(folder, File)
	var wrong []error
	for _, problem := range schemas.Validate(Schema, data) {
		wrong = append(wrong, fmt.Errorf("%s: %v", file, problem))
	}
	if wrong != nil {
		return Plan{}, errors.Join(wrong...)
	}
	var p Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return Plan{}, fmt.Errorf("%s: %w", file, err)
	}
	for i := range p.Entries {
		p.Entries[i].Deliverable = p.Deliverable
	}
	for _, err := range check(folder, p) {
		wrong = append(wrong, fmt.Errorf("%s: %w", file, err))
	}
	return p, errors.Join(wrong...)
}
