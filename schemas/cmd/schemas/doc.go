// Command schemas lists the schemas of this module and validates documents
// against them.
//
// Gotcha: without --schema a record is checked against the schema that it
// names itself, so a record may pass as something else than was asked of it.
// Graders pass --schema.
package main
