package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Keywords of problems that come before any schema keyword can speak.
const (
	KeywordJSON   = "json"   // not one well-formed JSON value
	KeywordSize   = "size"   // longer than MaxRecordBytes
	KeywordSchema = "schema" // no such schema, or the record names none
	KeywordEmpty  = "empty"  // no record at all
)

// Problem is one way in which a record differs from its schema.
type Problem struct {
	// Line is the line of JSON lines, from 1; 0 for a document.
	Line int `json:"line,omitempty"`
	// Instance is the JSON pointer to the offending value; "" is the record.
	Instance string `json:"instance"`
	// Keyword is the last part of the schema keyword's location ("maximum",
	// "required") or one of the Keyword constants.
	Keyword string `json:"keyword"`
	// Message is for people; its wording may change at any time.
	Message string `json:"message"`
}

// String reads "/remote_port  maximum  must be <= 65535 but found 70000", free of
// control characters.
func (p Problem) String() string {
	instance := p.Instance
	if instance == "" {
		instance = "(root)"
	}
	return fmt.Sprintf("%s  %s  %s", printable(instance), printable(p.Keyword), printable(p.Message))
}

func printable(s string) string {
	var b strings.Builder
	for _, r := range shorten(s) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return b.String()
}

// Validate checks one JSON document against the schema called name
// ("conn-event/v1"). It returns nil if the document is valid, else every
// problem, sorted by instance. Data that is not exactly one JSON value and an
// unknown name are problems too, never errors.
func Validate(name string, data []byte) []Problem {
	value, problems := parse(data)
	if problems != nil {
		return problems
	}
	return validateValue(name, value)
}

func parse(data []byte) (any, []Problem) {
	if len(data) > MaxRecordBytes {
		return nil, []Problem{tooLong()}
	}
	value, err := decode(data)
	if err == nil {
		return value, nil
	}
	p := Problem{Keyword: KeywordJSON, Message: shorten(err.Error())}
	var f *fault
	if errors.As(err, &f) {
		p.Instance = shorten(f.path)
	}
	return nil, []Problem{p}
}

func tooLong() Problem {
	return Problem{Keyword: KeywordSize, Message: fmt.Sprintf("longer than %d bytes", MaxRecordBytes)}
}

func validateValue(name string, value any) []Problem {
	compile, ok := compilers()[name]
	if !ok {
		return []Problem{{Keyword: KeywordSchema, Message: "no schema called " + quote(name)}}
	}
	schema, err := compile()
	if err != nil {
		return []Problem{{Keyword: KeywordSchema, Message: shorten(err.Error())}}
	}
	return problemsOf(schema.Validate(value))
}

// problemsOf flattens what the validator returns. Only the leaves say what is
// wrong; the nodes above them say "doesn't validate" over again.
func problemsOf(err error) []Problem {
	if err == nil {
		return nil
	}
	var tree *jsonschema.ValidationError
	if !errors.As(err, &tree) {
		return []Problem{{Keyword: KeywordSchema, Message: shorten(err.Error())}}
	}
	problems := leaves(nil, tree)
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Keyword, b.Keyword), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(problems)
}

func leaves(problems []Problem, node *jsonschema.ValidationError) []Problem {
	for _, cause := range node.Causes {
		problems = leaves(problems, cause)
	}
	if len(node.Causes) > 0 {
		return problems
	}
	keyword := node.KeywordLocation[strings.LastIndexByte(node.KeywordLocation, '/')+1:]
	return append(problems, Problem{Instance: shorten(node.InstanceLocation), Keyword: keyword, Message: shorten(node.Message)})
}

// schemaOf returns the schema that a record names itself.
func schemaOf(value any) (string, []Problem) {
	object, _ := value.(map[string]any)
	name, ok := object["schema"].(string)
	if !ok || !nameForm.MatchString(name) {
		return "", []Problem{{Instance: "/schema", Keyword: KeywordSchema, Message: `the record names no schema: want "schema": "<name>/v1"`}}
	}
	return name, nil
}
