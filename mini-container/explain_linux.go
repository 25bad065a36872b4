package minicontainer

import (
	"fmt"
	"io"
	"strings"
)

// ExplainSchema names the contract of Explanation.
const ExplainSchema = "container-explain/v1"

// Explanation is what a run does, step by step, schema container-explain/v1.
type Explanation struct {
	Schema   string          `json:"schema"`
	Steps    []ExplainedStep `json:"steps"`
	Recorded *Recorded       `json:"recorded,omitempty"` // of a run: Steps is then what it took
}

// ExplainedStep is one Step, for readers.
type ExplainedStep struct {
	Step    string   `json:"step"`
	By      string   `json:"by"`
	Purpose string   `json:"purpose"`
	Man     string   `json:"man"`
	Without string   `json:"without"`
	Calls   []string `json:"calls"` // may be made; reading and closing of files left out
}

// Explain lists all steps in order, those too that only some containers need.
func Explain() Explanation {
	e := Explanation{Schema: ExplainSchema}
	for _, s := range Steps() {
		e.Steps = append(e.Steps, ExplainedStep{
			Step: s.Name, By: s.By, Purpose: s.Purpose, Man: s.Man, Without: s.Without, Calls: append([]string{}, s.Calls...),
		})
	}
	return e
}

// WriteText prints the explanation for a terminal.
func (e Explanation) WriteText(w io.Writer) error {
	for i, s := range e.Steps {
		calls := strings.Join(s.Calls, ", ")
		if calls == "" {
			calls = "only reads and writes"
		}
		_, err := fmt.Fprintf(w, "%2d. %s (%s): %s\n    calls:   %s\n    see:     %s\n    without: %s\n", i+1, s.Step, s.By, s.Purpose, calls, s.Man, s.Without)
		if err != nil {
			return fmt.Errorf("print explanation: %w", err)
		}
	}
	return nil
}
