package connsnoop

import (
	"reflect"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
)

// field is where a value lies in the record: C and Go name them differently.
type field struct{ offset, size uintptr }

// TestRecordLayout compares rawRecord with the object's BTF, field by field.
func TestRecordLayout(t *testing.T) {
	spec, err := loadProbes()
	require.NoError(t, err)
	var record *btf.Struct
	require.NoError(t, spec.Types.TypeByName("conn_record", &record))
	require.EqualValues(t, reflect.TypeFor[rawRecord]().Size(), record.Size)

	inGo := map[field]bool{}
	for f := range reflect.TypeFor[rawRecord]().Fields() {
		inGo[field{f.Offset, f.Type.Size()}] = true
	}
	var inC []field
	flatten(t, record, 0, &inC)
	require.Len(t, inC, len(inGo))
	for _, f := range inC {
		require.True(t, inGo[f], "nothing in rawRecord at %+v", f)
	}
}

func flatten(t *testing.T, s *btf.Struct, base uintptr, into *[]field) {
	for _, m := range s.Members {
		offset := base + uintptr(m.Offset.Bytes())
		if inner, ok := m.Type.(*btf.Struct); ok {
			flatten(t, inner, offset, into)
			continue
		}
		size, err := btf.Sizeof(m.Type)
		require.NoError(t, err)
		*into = append(*into, field{offset, uintptr(size)})
	}
}

// TestCounterCount compares the number of counters with the object's map.
func TestCounterCount(t *testing.T) {
	spec, err := loadProbes()
	require.NoError(t, err)
	require.EqualValues(t, counterCount, spec.Maps[probesMapCounters].MaxEntries)
}

func TestApply(t *testing.T) {
	spec, err := loadProbes()
	require.NoError(t, err)
	require.NoError(t, Options{PID: 7, Port: 443, MaxConns: 10, RingBytes: 8192}.apply(spec))
	var pid uint32
	require.NoError(t, spec.Variables[probesVarFilterPid].Get(&pid))
	require.EqualValues(t, 7, pid)
	require.EqualValues(t, 10, spec.Maps[probesMapLive].MaxEntries)
	require.EqualValues(t, 8192, spec.Maps[probesMapRing].MaxEntries)
}
