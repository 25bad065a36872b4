package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const recordName = "record.json"

// ErrDamaged marks a snapshot that is there and is not what its record says.
var ErrDamaged = errors.New("snapshot damaged")

// Record is what is known of a snapshot besides its files.
type Record struct {
	// ColdBoot is how long the machine took until it was saved, Save how long
	// that took.
	ColdBoot time.Duration `json:"cold_boot_ns"`
	Save     time.Duration `json:"save_ns"`
	// SharedRAM says that RAM is in a file of its own, not in the state.
	SharedRAM bool `json:"shared_ram"`
	// Hello is what the guest had said, for who restores it.
	Hello json.RawMessage `json:"hello"`
}

// file is one file of a snapshot.
type file struct {
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	Digest    string `json:"digest"` // see func digest
}

// envelope is the content of record.json.
type envelope struct {
	Key      string    `json:"key"`
	Made     time.Time `json:"made"`
	Files    []file    `json:"files"`
	Record   Record    `json:"record"`
	Checksum string    `json:"checksum"` // SHA-256 of all this with an empty checksum
}

func (e envelope) sum() (string, error) {
	e.Checksum = ""
	data, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("write snapshot record: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// parse reads a record and refuses one that was changed.
func parse(data []byte, key string) (envelope, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return envelope{}, fmt.Errorf("%w: read %s: %w", ErrDamaged, recordName, err)
	}
	sum, err := e.sum()
	if err != nil || sum != e.Checksum {
		return envelope{}, fmt.Errorf("%w: checksum of %s is wrong", ErrDamaged, recordName)
	}
	if e.Key != key {
		return envelope{}, fmt.Errorf("%w: record is of %.12s, want %.12s", ErrDamaged, e.Key, key)
	}
	return e, nil
}
