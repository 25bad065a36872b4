package guest

import (
	"fmt"
	"strconv"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// parseKmsg reads one record of /dev/kmsg: "prio,seq,usec,flags[,more];text",
// then lines with a leading space that hold device properties (dropped here).
// See Documentation/ABI/testing/dev-kmsg.
func parseKmsg(record string) (wire.Kmsg, error) {
	head, text, ok := strings.Cut(record, ";")
	if !ok {
		return wire.Kmsg{}, fmt.Errorf("parse kmsg record: no text in %q", record)
	}
	fields := strings.Split(head, ",")
	if len(fields) < 3 {
		return wire.Kmsg{}, fmt.Errorf("parse kmsg record: %d fields in %q", len(fields), head)
	}
	priority, err1 := strconv.ParseUint(fields[0], 10, 32)
	seq, err2 := strconv.ParseUint(fields[1], 10, 64)
	usec, err3 := strconv.ParseInt(fields[2], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return wire.Kmsg{}, fmt.Errorf("parse kmsg record: bad number in %q", head)
	}
	text, _, _ = strings.Cut(text, "\n")
	return wire.Kmsg{
		Seq: seq, Level: int(priority & 7), Facility: int(priority >> 3),
		TimeNS: usec * 1000, Text: text,
	}, nil
}
