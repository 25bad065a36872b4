package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// list is a flag that may be given many times, and take many values between
// commas, unless they may hold commas themselves: any of them will do.
type list[T any] struct {
	into  *[]T
	parse func(string) ([]T, error)
	kind  string // what --help calls a value
	whole bool   // a comma is part of the value
}

var _ pflag.Value = (*list[int])(nil)

// Set implements pflag.Value.
func (l *list[T]) Set(text string) error {
	parts := []string{text}
	if !l.whole {
		parts = strings.Split(text, ",")
	}
	for _, part := range parts {
		values, err := l.parse(part)
		if err != nil {
			return err
		}
		*l.into = append(*l.into, values...)
	}
	return nil
}

// Type implements pflag.Value.
func (l *list[T]) Type() string { return l.kind }

// String implements pflag.Value: no flag here has a default.
func (l *list[T]) String() string { return "" }

// one makes a parser of one value that of a list.
func one[T any](parse func(string) (T, error)) func(string) ([]T, error) {
	return func(text string) ([]T, error) {
		value, err := parse(text)
		if err != nil {
			return nil, err
		}
		return []T{value}, nil
	}
}

// oneOf returns a parser of names.
func oneOf[T ~string](names ...T) func(string) (T, error) {
	return func(text string) (T, error) {
		for _, name := range names {
			if string(name) == text {
				return name, nil
			}
		}
		return "", fmt.Errorf("must be %s", alternatives(names))
	}
}

func alternatives[T ~string](names []T) string {
	var b strings.Builder
	for i, name := range names {
		switch {
		case i > 0 && i == len(names)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(name))
	}
	return b.String()
}

// choice is a flag with one of a few values.
type choice[T ~string] struct {
	into     *T
	fallback T // what it is if not given
	from     []T
	kind     string
}

// Set implements pflag.Value.
func (c *choice[T]) Set(text string) error {
	value, err := oneOf(c.from...)(text)
	*c.into = value
	return err
}

// Type implements pflag.Value.
func (c *choice[T]) Type() string { return c.kind }

// String implements pflag.Value.
func (c *choice[T]) String() string {
	if c.into == nil || *c.into == "" {
		return string(c.fallback)
	}
	return string(*c.into)
}
