package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tableName is the nftables table that is ours, whole: one for each family.
const tableName = "mini-container"

// families are those that containers may have addresses of, with where their
// packets have the source and how long that is.
var families = []struct {
	table          nftables.TableFamily
	offset, length uint32
}{{nftables.TableFamilyIPv4, 12, 4}, {nftables.TableFamilyIPv6, 8, 16}}

func natTable(family nftables.TableFamily) *nftables.Table {
	return &nftables.Table{Name: tableName, Family: family}
}

func natChain(table *nftables.Table) *nftables.Chain {
	return &nftables.Chain{
		Name: "postrouting", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	}
}

// addMasquerade lets one container's packets leave with the host's address.
// In nft's words: ip saddr ADDRESS oifname != "BRIDGE" masquerade comment "ID";
// ip6 for an IPv6 address.
func addMasquerade(c Config, address netip.Addr, id string) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	f := families[0]
	if address.Is6() {
		f = families[1]
	}
	table := conn.AddTable(natTable(f.table))
	conn.AddChain(natChain(table))
	conn.AddRule(&nftables.Rule{Table: table, Chain: natChain(table), Exprs: masquerade(c.Bridge, address, f.offset, f.length), UserData: comment(id)})
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("add nftables rule: %w", err)
	}
	return nil
}

func masquerade(bridge string, address netip.Addr, offset, length uint32) []expr.Any {
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, bridge)
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: address.AsSlice()},
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: name},
		&expr.Masq{},
	}
}

// comment is a rule's user data as nft(8) writes and shows it.
func comment(id string) []byte {
	const typeComment = 0
	return append([]byte{typeComment, byte(len(id) + 1)}, append([]byte(id), 0)...)
}

// removeMasquerade deletes a container's rules of a family and returns how many
// of others are left; with none the table goes.
func removeMasquerade(family nftables.TableFamily, id string) (left int, err error) {
	conn, err := nftables.New()
	if err != nil {
		return 0, fmt.Errorf("open nftables: %w", err)
	}
	table := natTable(family)
	rules, err := conn.GetRules(table, natChain(table))
	if errors.Is(err, unix.ENOENT) {
		return 0, removeTable(conn, table)
	}
	if err != nil {
		return 0, fmt.Errorf("list nftables rules: %w", err)
	}
	for _, rule := range rules {
		if string(rule.UserData) != string(comment(id)) {
			left++
		} else if err := conn.DelRule(rule); err != nil {
			return 0, fmt.Errorf("remove nftables rule: %w", err)
		}
	}
	if left == 0 {
		return 0, removeTable(conn, table)
	}
	if err := conn.Flush(); err != nil {
		return 0, fmt.Errorf("remove nftables rule: %w", err)
	}
	return left, nil
}

func removeTable(conn *nftables.Conn, table *nftables.Table) error {
	conn.DelTable(table)
	if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove nftables table: %w", err)
	}
	return nil
}

// forwarding is a setting that makes the host a router.
type forwarding struct {
	path string // below the procfs
	memo string // in our directory: what it was
}

var (
	forwarding4 = forwarding{"sys/net/ipv4/ip_forward", ".ip_forward"}
	forwarding6 = forwarding{"sys/net/ipv6/conf/all/forwarding", ".ip6_forward"}
)

func (m *Manager) isOff(f forwarding) (old []byte, off bool, err error) {
	old, err = os.ReadFile(filepath.Join(m.Proc, f.path))
	if err != nil {
		return nil, false, fmt.Errorf("read forwarding: %w", err)
	}
	return old, strings.TrimSpace(string(old)) == "0", nil
}

// forward makes the host a router, and remembers if it was none.
func (m *Manager) forward(f forwarding) error {
	old, off, err := m.isOff(f)
	if err != nil || !off {
		return err
	}
	if err := os.WriteFile(filepath.Join(m.Dir, f.memo), old, 0o600); err != nil {
		return fmt.Errorf("remember forwarding: %w", err)
	}
	if err := os.WriteFile(filepath.Join(m.Proc, f.path), []byte("1"), 0); err != nil {
		return fmt.Errorf("switch forwarding on: %w", err)
	}
	return nil
}

// forward6 is forward for IPv6.
func (m *Manager) forward6() error {
	_, off, err := m.isOff(forwarding6)
	if err == nil && off {
		err = m.checkUplinks()
	}
	if err != nil {
		return err
	}
	return m.forward(forwarding6)
}

// unforward puts back what was, if it was we who changed it.
func (m *Manager) unforward(f forwarding) error {
	memo := filepath.Join(m.Dir, f.memo)
	old, err := os.ReadFile(memo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(m.Proc, f.path), old, 0)
	}
	if err == nil {
		err = os.Remove(memo)
	}
	if err != nil {
		return fmt.Errorf("switch forwarding back: %w", err)
	}
	return nil
}
