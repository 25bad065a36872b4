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

// tableName is the one nftables table that is ours, whole.
const tableName = "mini-container"

func natTable() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}
}

func natChain() *nftables.Chain {
	return &nftables.Chain{
		Name: "postrouting", Table: natTable(), Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	}
}

// addMasquerade lets one container's packets leave with the host's address.
// In nft's words: ip saddr ADDRESS oifname != "BRIDGE" masquerade comment "ID".
func addMasquerade(c Config, address netip.Addr, id string) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	conn.AddTable(natTable())
	conn.AddChain(natChain())
	conn.AddRule(&nftables.Rule{Table: natTable(), Chain: natChain(), Exprs: masquerade(c.Bridge, address), UserData: comment(id)})
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("add nftables rule: %w", err)
	}
	return nil
}

func masquerade(bridge string, address netip.Addr) []expr.Any {
	const sourceOffset, addressLength = 12, 4 // in the IPv4 header
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, bridge)
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: sourceOffset, Len: addressLength},
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

// removeMasquerade deletes a container's rules and returns how many of others
// are left; with none the table goes.
func removeMasquerade(id string) (left int, err error) {
	conn, err := nftables.New()
	if err != nil {
		return 0, fmt.Errorf("open nftables: %w", err)
	}
	rules, err := conn.GetRules(natTable(), natChain())
	if errors.Is(err, unix.ENOENT) {
		return 0, removeTable(conn)
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
		return 0, removeTable(conn)
	}
	if err := conn.Flush(); err != nil {
		return 0, fmt.Errorf("remove nftables rule: %w", err)
	}
	return left, nil
}

func removeTable(conn *nftables.Conn) error {
	conn.DelTable(natTable())
	if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove nftables table: %w", err)
	}
	return nil
}

// forwardingFile is, in our directory, what the host's setting was.
const forwardingFile = ".ip_forward"

func (m *Manager) setting() string { return filepath.Join(m.Proc, "sys/net/ipv4/ip_forward") }

// forward makes the host a router, and remembers if it was none.
func (m *Manager) forward() error {
	old, err := os.ReadFile(m.setting())
	if err != nil {
		return fmt.Errorf("read forwarding: %w", err)
	}
	if strings.TrimSpace(string(old)) != "0" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(m.Dir, forwardingFile), old, 0o600); err != nil {
		return fmt.Errorf("remember forwarding: %w", err)
	}
	if err := os.WriteFile(m.setting(), []byte("1"), 0); err != nil {
		return fmt.Errorf("switch forwarding on: %w", err)
	}
	return nil
}

// unforward puts back what was, if it was we who changed it.
func (m *Manager) unforward() error {
	memo := filepath.Join(m.Dir, forwardingFile)
	old, err := os.ReadFile(memo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.WriteFile(m.setting(), old, 0)
	}
	if err == nil {
		err = os.Remove(memo)
	}
	if err != nil {
		return fmt.Errorf("switch forwarding back: %w", err)
	}
	return nil
}
