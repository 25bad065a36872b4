package vmtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
)

// journalFile holds a line for each verdict of a run, in the order they came.
// A run that is killed loses none of them.
const journalFile = "journal.jsonl"

// journalSchema is the schema of each line.
const journalSchema = "vmtest-journal/v1"

// journalLine is one verdict, and what it depends on.
type journalLine struct {
	Schema string        `json:"schema"`
	Key    string        `json:"key"`
	Seed   string        `json:"seed"`
	Result report.Result `json:"result"`
}

// journal keeps verdicts across runs.
type journal struct {
	kept map[string]report.Result // by key
	seed uint64                   // of the last line; 0 if there is none
	torn bool                     // the last line is cut off: its run was killed

	mu   sync.Mutex
	file *os.File
}

// openJournal goes on with the journal of the run before, or starts a new one.
func openJournal(out string, resume bool) (*journal, error) {
	j := &journal{kept: map[string]report.Result{}}
	path := filepath.Join(out, journalFile)
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if resume {
		if err := j.load(path); err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
	} else {
		flags |= os.O_TRUNC
	}
	var err error
	if j.file, err = os.OpenFile(path, flags, 0o644); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if j.torn {
		_, err = j.file.WriteString("\n")
	}
	return j, err
}

// load takes the lines that are whole and valid.
func (j *journal) load(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	j.torn = len(data) > 0 && data[len(data)-1] != '\n'
	for text := range bytes.Lines(data) {
		var line journalLine
		if len(schemas.Validate(journalSchema, text)) > 0 || json.Unmarshal(text, &line) != nil {
			continue
		}
		if seed, err := strconv.ParseUint(line.Seed, 10, 64); err == nil {
			j.seed = seed
		}
		j.kept[line.Key] = line.Result
	}
	return nil
}

// add appends a line.
func (j *journal) add(line journalLine) error {
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.file.Write(append(data, '\n'))
	return err
}

// Close closes the file.
func (j *journal) Close() error { return j.file.Close() }
