package account

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

type passwdEntry struct {
	name, home string
	uid, gid   uint32
}

type groupEntry struct {
	name, members string
	gid           uint32
}

// maxLine bounds a line of either file; group files have long ones.
const maxLine = 1 << 20

// readPasswd skips lines that are not entries, as the C library does; but an
// id that is no number is never read as 0.
func readPasswd(r io.Reader) ([]passwdEntry, error) {
	var list []passwdEntry
	err := eachLine(r, 7, func(f []string) {
		uid, uidErr := parseID(f[2])
		gid, gidErr := parseID(f[3])
		if uidErr == nil && gidErr == nil {
			list = append(list, passwdEntry{f[0], f[5], uid, gid})
		}
	})
	return list, err
}

func readGroup(r io.Reader) ([]groupEntry, error) {
	var list []groupEntry
	err := eachLine(r, 4, func(f []string) {
		if gid, err := parseID(f[2]); err == nil {
			list = append(list, groupEntry{f[0], f[3], gid})
		}
	})
	return list, err
}

func eachLine(r io.Reader, fields int, take func([]string)) error {
	if r == nil {
		return nil
	}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		if f := strings.Split(scanner.Text(), ":"); len(f) == fields && f[0] != "" {
			take(f)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	return nil
}
