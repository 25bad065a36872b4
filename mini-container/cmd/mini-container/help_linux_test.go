package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHelp: every command says what it does and shows how it is called.
func TestHelp(t *testing.T) {
	root := newRoot(&store{})
	addCommands(root, new(int), &store{})
	for _, cmd := range root.Commands() {
		require.NotEmpty(t, cmd.Short, cmd.Name())
		require.True(t, strings.HasPrefix(cmd.Example, "  "), "%s has no example", cmd.Name())
		require.Contains(t, cmd.Example, name+" "+cmd.Name())
	}
}
