package landlock

import (
	"fmt"
	"path"
	"slices"
)

// Rules is what stays allowed. Of files, whatever is not listed is denied as
// soon as any path is; of ports, as soon as any port is.
type Rules struct {
	Read    []string `json:"read,omitempty"`    // files and directories that may be read
	Execute []string `json:"execute,omitempty"` // read and executed
	Write   []string `json:"write,omitempty"`   // read and changed in every way
	Bind    []uint16 `json:"bind,omitempty"`    // TCP ports to listen on
	Connect []uint16 `json:"connect,omitempty"` // TCP ports to connect to
}

// Empty reports whether there is nothing to enforce.
func (r Rules) Empty() bool { return !r.files() && !r.network() }

func (r Rules) files() bool   { return len(r.Read)+len(r.Execute)+len(r.Write) > 0 }
func (r Rules) network() bool { return len(r.Bind)+len(r.Connect) > 0 }

// Validate says what is wrong with the rules, whatever the kernel.
func (r Rules) Validate() error {
	for _, name := range slices.Concat(r.Read, r.Execute, r.Write) {
		if !path.IsAbs(name) {
			return fmt.Errorf("landlock path %q is not absolute", name)
		}
	}
	return nil
}

// Rights on files, see landlock(7).
const (
	fsExecute = 1 << iota
	fsWriteFile
	fsReadFile
	fsReadDir
	fsRemoveDir
	fsRemoveFile
	fsMakeChar
	fsMakeDir
	fsMakeReg
	fsMakeSock
	fsMakeFifo
	fsMakeBlock
	fsMakeSym
	fsRefer    // ABI 2, Linux 5.19
	fsTruncate // ABI 3, Linux 6.2
	fsIoctlDev // ABI 5, Linux 6.10

	fsFirst = fsRefer - 1
)

// Rights on ports, from ABI 4, Linux 6.7.
const (
	netBind = 1 << iota
	netConnect
)

const (
	abiNetwork = 4
	// onFile are the rights that mean something on what is no directory.
	onFile = fsExecute | fsWriteFile | fsReadFile | fsTruncate | fsIoctlDev
)

// handledFiles is what a kernel of the ABI can take away.
func handledFiles(abi int) uint64 {
	rights := uint64(fsFirst)
	for least, right := range map[int]uint64{2: fsRefer, 3: fsTruncate, 5: fsIoctlDev} {
		if abi >= least {
			rights |= right
		}
	}
	return rights
}

// grant is one path with what stays allowed below it.
type grant struct {
	path   string
	rights uint64
}

func (r Rules) grants(abi int) []grant {
	const read = fsReadFile | fsReadDir
	var list []grant
	for _, kind := range []struct {
		paths  []string
		rights uint64
	}{
		{r.Read, read}, {r.Execute, read | fsExecute}, {r.Write, handledFiles(abi) &^ fsExecute},
	} {
		for _, name := range kind.paths {
			list = append(list, grant{name, kind.rights & handledFiles(abi)})
		}
	}
	return list
}
