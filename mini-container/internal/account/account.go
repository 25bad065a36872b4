package account

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Account is who the command will be.
type Account struct {
	UID, GID uint32
	Groups   []uint32 // supplementary
	Home     string   // "" if passwd does not say
}

// Request is "USER" or "USER:GROUP", taken apart.
type Request struct {
	user, group       string
	uid, gid          uint32
	hasGroup          bool
	userIsID, groupID bool
}

// maxID is the largest id; the one above it means "none" to the kernel.
const maxID = 1<<32 - 2

// Parse reads a request without looking at any file. Digits are a number and
// never a name.
func Parse(text string) (Request, error) {
	var r Request
	r.user, r.group, r.hasGroup = strings.Cut(text, ":")
	var err error
	if r.uid, r.userIsID, err = parsePart(r.user); err != nil {
		return Request{}, fmt.Errorf("parse user %q: %w", text, err)
	}
	if !r.hasGroup {
		return r, nil
	}
	if r.gid, r.groupID, err = parsePart(r.group); err != nil {
		return Request{}, fmt.Errorf("parse user %q: %w", text, err)
	}
	return r, nil
}

func parsePart(text string) (id uint32, isID bool, err error) {
	if text == "" {
		return 0, false, fmt.Errorf("empty name")
	}
	if text[0] >= '0' && text[0] <= '9' || strings.ContainsRune("+-", rune(text[0])) {
		id, err := parseID(text)
		return id, true, err
	}
	for _, r := range text {
		if r <= ' ' || r > '~' || strings.ContainsRune(":,/", r) {
			return 0, false, fmt.Errorf("%q cannot be in a name", r)
		}
	}
	return 0, false, nil
}

// parseID takes decimal digits only, and no leading zero: "010" is 8 to some.
func parseID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > maxID || strconv.FormatUint(n, 10) != text {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", text, uint64(maxID))
	}
	return uint32(n), nil
}

// NeedsFiles reports whether the request has a name in it.
func (r Request) NeedsFiles() bool { return !r.userIsID || r.hasGroup && !r.groupID }

// Resolve looks the request up. A number need not be listed; it has group 0
// then. Supplementary groups come from the group file, unless a group was
// asked for: then there are none.
func (r Request) Resolve(passwd, group io.Reader) (Account, error) {
	users, err := readPasswd(passwd)
	if err != nil {
		return Account{}, err
	}
	groups, err := readGroup(group)
	if err != nil {
		return Account{}, err
	}
	a := Account{UID: r.uid}
	listed := false
	for _, u := range users {
		if r.userIsID && u.uid == r.uid || !r.userIsID && u.name == r.user {
			a.UID, a.GID, a.Home, listed = u.uid, u.gid, u.home, true
			a.Groups = supplementary(groups, u.name, u.gid)
			break
		}
	}
	if !listed && !r.userIsID {
		return Account{}, fmt.Errorf("find user %q: not in the container's /etc/passwd", r.user)
	}
	if !r.hasGroup {
		return a, nil
	}
	a.Groups = nil
	if a.GID = r.gid; r.groupID {
		return a, nil
	}
	for _, g := range groups {
		if g.name == r.group {
			a.GID = g.gid
			return a, nil
		}
	}
	return Account{}, fmt.Errorf("find group %q: not in the container's /etc/group", r.group)
}

func supplementary(groups []groupEntry, user string, primary uint32) []uint32 {
	var list []uint32
	for _, g := range groups {
		for member := range strings.SplitSeq(g.members, ",") {
			if member == user && user != "" && g.gid != primary {
				list = append(list, g.gid)
				break
			}
		}
	}
	return list
}
