package multitenantcgroups

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"namespaces-cgroups-ebpf/schemas"
)

// PolicySchema is the schema that a policy names and must satisfy.
const PolicySchema = "cgroup-policy/v1"

// maxPolicy bounds the text of a policy in bytes.
const maxPolicy = 1 << 20

// Policy says which tenants share a machine and what each may use.
type Policy struct {
	Root      string   // name of the cgroup that holds the tenants
	Admission string   // AdmissionReport or AdmissionRefuse
	Tenants   []Tenant // in the order of the file; at least one
}

// Tenant is one user of the machine, and one cgroup.
type Tenant struct {
	Name   string
	Limits map[string]string // control -> value in the kernel's own form, see Canonical
}

// ParsePolicy reads a policy from YAML (or JSON, which is YAML too) and checks
// it against its schema and against what a schema cannot say. The values of
// the limits come back as the kernel of this machine will show them. The error
// lists every problem with the JSON pointer to its place.
func ParsePolicy(text []byte) (Policy, error) {
	document, err := yamlToJSON(text)
	if err != nil {
		return Policy{}, fmt.Errorf("parse policy: %w", err)
	}
	if err := problems(document); err != nil {
		return Policy{}, fmt.Errorf("check policy: %w", err)
	}
	policy, err := decodePolicy(document)
	if err != nil {
		return Policy{}, fmt.Errorf("check policy: %w", err)
	}
	return policy, nil
}

// yamlToJSON accepts exactly one YAML document. The decoder itself refuses
// keys that occur twice.
func yamlToJSON(text []byte) ([]byte, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("longer than %d bytes", maxPolicy)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document any
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("no document in it")
		}
		return nil, err
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document in it")
	}
	return json.Marshal(document)
}

func problems(document []byte) error {
	found := schemas.Validate(PolicySchema, document)
	if len(found) == 0 {
		return nil
	}
	lines := make([]string, len(found))
	for i, p := range found {
		lines[i] = p.String()
	}
	return errors.New(strings.Join(lines, "\n  "))
}

// decodePolicy turns a document that satisfies the schema into a Policy.
func decodePolicy(document []byte) (Policy, error) {
	var raw struct {
		Root      string `json:"root"`
		Admission string `json:"admission"`
		Tenants   []struct {
			Name   string                     `json:"name"`
			Limits map[string]json.RawMessage `json:"limits"`
		} `json:"tenants"`
	}
	if err := json.Unmarshal(document, &raw); err != nil {
		return Policy{}, err
	}
	policy := Policy{Root: raw.Root, Admission: raw.Admission}
	if policy.Admission == "" {
		policy.Admission = AdmissionReport
	}
	seen := map[string]bool{}
	for i, t := range raw.Tenants {
		if seen[t.Name] {
			return Policy{}, fmt.Errorf("/tenants/%d/name: tenant %q occurs twice", i, t.Name)
		}
		seen[t.Name] = true
		limits, err := decodeLimits(t.Limits)
		if err != nil {
			return Policy{}, fmt.Errorf("/tenants/%d/limits: %w", i, err)
		}
		policy.Tenants = append(policy.Tenants, Tenant{Name: t.Name, Limits: limits})
	}
	return policy, nil
}

func decodeLimits(raw map[string]json.RawMessage) (map[string]string, error) {
	limits := map[string]string{}
	for _, control := range Controls {
		value, ok := raw[control]
		if !ok {
			continue
		}
		canonical, err := Canonical(control, strings.Trim(string(value), `"`), uint64(os.Getpagesize()))
		if err != nil {
			return nil, err
		}
		if control == MemoryMax && canonical == "0" {
			return nil, errors.New("memory.max is less than one page")
		}
		limits[control] = canonical
	}
	return limits, nil
}
