package network

import (
	"net/netip"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
)

// TestMasquerades: a rule counts if it is about this address, and masquerades.
func TestMasquerades(t *testing.T) {
	address := netip.MustParseAddr("10.199.0.2")
	rule := masquerade("mc0", address)
	require.True(t, masquerades(rule, address))
	require.False(t, masquerades(rule, netip.MustParseAddr("10.199.0.3")))
	require.False(t, masquerades(rule[:len(rule)-1], address), "it lets pass, or counts")
	require.False(t, masquerades([]expr.Any{&expr.Cmp{Op: expr.CmpOpNeq, Data: address.AsSlice()}, &expr.Masq{}}, address), "all but this one")
	require.False(t, masquerades(nil, address))
}
