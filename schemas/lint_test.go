package schemas_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// units is the closed list of x-unit values. "identifier" is for numbers that
// are no quantity: pid, port, inode, errno, exit code, signal, CPU number.
var units = []string{"ns", "bytes", "ratio", "count", "hz", "pages", "identifier"}

// contractNames are the quantities whose names the project's contracts fix.
var contractNames = map[string][]string{"validation-report/v1": {"records", "invalid"}}

type object = map[string]any

// linter checks one schema against the conventions that CONTRIBUTING.md
// states. Each finding says where and what to write instead.
type linter struct {
	name     string
	root     object
	findings []string
}

func lint(name string, source []byte) []string {
	l := &linter{name: name}
	if err := json.Unmarshal(source, &l.root); err != nil {
		return []string{"not a JSON object: " + err.Error()}
	}
	l.checkRoot()
	l.visit("", "", l.root, false)
	return l.findings
}

func (l *linter) report(path, format string, args ...any) {
	l.findings = append(l.findings, fmt.Sprintf("at %q: ", path)+fmt.Sprintf(format, args...))
}

func (l *linter) checkRoot() {
	base, version, _ := strings.Cut(l.name, "/")
	for key, want := range map[string]string{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     "urn:namespaces-cgroups-ebpf:" + base + ":" + version,
		"type":    "object",
	} {
		if l.root[key] != want {
			l.report("", "%s is %v, must be %q", key, l.root[key], want)
		}
	}
	for _, key := range []string{"title", "description"} {
		if text(l.root, key) == "" {
			l.report("", "no %s", key)
		}
	}
	properties, _ := l.root["properties"].(object)
	schema, _ := properties["schema"].(object)
	if schema["const"] != l.name {
		l.report("/properties/schema", "const is %v, must be %q", schema["const"], l.name)
	}
	required, _ := l.root["required"].([]any)
	if !slices.Contains(required, any("schema")) {
		l.report("/required", `must list "schema"`)
	}
}

// visit checks one subschema. name is the property that it describes. A
// refinement stands under if, then, allOf and the like: it narrows properties
// that are declared elsewhere, unless it says "type": "object" itself.
func (l *linter) visit(path, name string, node object, refinement bool) {
	properties, ok := node["properties"].(object)
	if ok && node["type"] == "object" {
		refinement = false
	}
	if ok && !refinement && node["additionalProperties"] != false && node["unevaluatedProperties"] != false {
		l.report(path, `has properties but is open: add "additionalProperties": false`)
	}
	for key, property := range sorted(properties) {
		at := path + "/properties/" + key
		if !refinement {
			l.checkProperty(at, key, property)
		}
		l.visit(at, key, property, refinement)
	}
	l.visitMaps(path, node)
	l.visitItems(path, name, node, refinement)
	l.visitRefinements(path, name, node)
	for key, definition := range sorted(node["$defs"]) {
		l.visit(path+"/$defs/"+key, key, definition, false)
	}
}

// visitMaps checks the values of objects whose keys are data, such as tenant
// names or kernel files.
func (l *linter) visitMaps(path string, node object) {
	values := map[string]object{}
	for key, value := range sorted(node["patternProperties"]) {
		values["/patternProperties/"+key] = value
	}
	if value, ok := node["additionalProperties"].(object); ok {
		values["/additionalProperties"] = value
	}
	for at, value := range values {
		if text(value, "description") == "" {
			l.report(path+at, "no description")
		}
		l.checkUnit(path+at, "", value)
		l.visit(path+at, "", value, false)
	}
}

func (l *linter) visitItems(path, name string, node object, refinement bool) {
	items := map[string]object{}
	if item, ok := node["items"].(object); ok {
		items["/items"] = item
	}
	prefix, _ := node["prefixItems"].([]any)
	for i, item := range prefix {
		items[fmt.Sprintf("/prefixItems/%d", i)], _ = item.(object)
	}
	for at, item := range items {
		if !refinement {
			l.checkUnit(path+at, name, item)
		}
		l.visit(path+at, name, item, refinement)
	}
}

func (l *linter) visitRefinements(path, name string, node object) {
	for _, key := range []string{"if", "then", "else", "not", "contains"} {
		if sub, ok := node[key].(object); ok {
			l.visit(path+"/"+key, name, sub, true)
		}
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := node[key].([]any)
		for i, sub := range list {
			sub, _ := sub.(object)
			l.visit(fmt.Sprintf("%s/%s/%d", path, key, i), name, sub, true)
		}
	}
}

func (l *linter) checkProperty(path, name string, node object) {
	if text(node, "description") == "" {
		l.report(path, "no description")
	}
	typed := slices.ContainsFunc([]string{"type", "const", "enum", "$ref", "oneOf", "anyOf", "allOf"}, func(key string) bool {
		_, ok := node[key]
		return ok
	})
	if !typed {
		l.report(path, "says nothing about its type: add type, const, enum, $ref or oneOf")
	}
	l.checkUnit(path, name, node)
}

// checkUnit checks x-unit of a number, and the name that goes with it. An
// empty name is not checked.
func (l *linter) checkUnit(path, name string, node object) {
	numeric, unit := l.number(node)
	switch {
	case !numeric:
		return
	case !slices.Contains(units, unit):
		l.report(path, "a number with x-unit %q: must be one of %v", unit, units)
		return
	case name == "" || strings.Contains(name, ".") || slices.Contains(contractNames[l.name], name):
		return
	}
	_, suffix := cutLast(name, "_")
	if unit == "identifier" && slices.Contains(units, suffix) {
		l.report(path, "x-unit is identifier, but the name ends in _%s like a quantity: rename it", suffix)
	}
	if unit != "identifier" && suffix != unit {
		l.report(path, "x-unit is %s: the name must end in _%s (or x-unit be identifier, if it is no quantity)", unit, unit)
	}
}

// number tells whether a value may be a number, and in which unit, looking
// through references and alternatives.
func (l *linter) number(node object) (numeric bool, unit string) {
	unit = text(node, "x-unit")
	numeric = isNumeric(node)
	for _, sub := range l.alternatives(node) {
		n, u := l.number(sub)
		numeric = numeric || n
		if unit == "" {
			unit = u
		}
	}
	return numeric, unit
}

func isNumeric(node object) bool {
	types, ok := node["type"].([]any)
	if !ok {
		types = []any{node["type"]}
	}
	if slices.Contains(types, any("integer")) || slices.Contains(types, any("number")) {
		return true
	}
	values, _ := node["enum"].([]any)
	return slices.ContainsFunc(append(values, node["const"]), func(v any) bool {
		_, ok := v.(float64)
		return ok
	})
}

func (l *linter) alternatives(node object) []object {
	var subs []object
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := node[key].([]any)
		for _, sub := range list {
			if sub, ok := sub.(object); ok {
				subs = append(subs, sub)
			}
		}
	}
	if key, ok := strings.CutPrefix(text(node, "$ref"), "#/$defs/"); ok {
		definitions, _ := l.root["$defs"].(object)
		if sub, ok := definitions[key].(object); ok {
			subs = append(subs, sub)
		}
	}
	return subs
}

func text(node object, key string) string {
	s, _ := node[key].(string)
	return strings.TrimSpace(s)
}

// sorted yields the subschemas of a map of subschemas in a fixed order.
func sorted(node any) func(yield func(string, object) bool) {
	m, _ := node.(object)
	return func(yield func(string, object) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			sub, _ := m[key].(object)
			if !yield(key, sub) {
				return
			}
		}
	}
}

func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+len(sep):]
}
