// Package schemas holds the JSON Schemas of every machine-readable output of
// this module, and validates documents and JSON lines against them.
//
// A schema called "conn-event/v1" lives in conn-event.v1.schema.json and has
// the $id urn:namespaces-cgroups-ebpf:conn-event:v1. Validation is offline and
// treats its input as hostile: sizes, nesting and exponents are bounded, and
// what JSON readers disagree about (repeated keys, invalid UTF-8) is refused.
//
// Gotcha: an input without a single record has a problem. A file that holds
// nothing proves nothing.
package schemas
