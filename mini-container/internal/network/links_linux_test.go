package network

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestMayNotLook: a descriptor of something else is a fault, a lack of
// privileges is not. Which of them it is says the kernel.
func TestMayNotLook(t *testing.T) {
	f, err := os.Open("/proc/self/ns/uts")
	require.NoError(t, err)
	defer f.Close()
	_, err = Links(f)
	require.ErrorIs(t, err, unix.EINVAL)
	require.False(t, MayNotLook(err))
	require.True(t, MayNotLook(fmt.Errorf("enter: %w", unix.EPERM)))
}

// TestMasquerades: a rule counts if it is about this address, and masquerades.
func TestMasquerades(t *testing.T) {
	address := netip.MustParseAddr("10.199.0.2")
	rule := masquerade("mc0", address, 12, 4)
	require.True(t, masquerades(rule, address))
	require.False(t, masquerades(rule, netip.MustParseAddr("10.199.0.3")))
	require.False(t, masquerades(rule[:len(rule)-1], address), "it lets pass, or counts")
	require.False(t, masquerades([]expr.Any{&expr.Cmp{Op: expr.CmpOpNeq, Data: address.AsSlice()}, &expr.Masq{}}, address), "all but this one")
	require.False(t, masquerades(nil, address))
}
