package connsnoop

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
)

// field is where a value lies in the record: C and Go name them differently.
type field struct{ offset, size uintptr }

// TestLayout compares the Go structs of abi.go with the object's BTF, field by
// field.
func TestLayout(t *testing.T) {
	spec, err := loadProbes()
	require.NoError(t, err)
	for name, inGo := range map[string]reflect.Type{
		"event":         reflect.TypeFor[rawEvent](),
		"conn":          reflect.TypeFor[rawConn](),
		"cgroup_path":   reflect.TypeFor[rawCgroupPath](),
		"aggregate_key": reflect.TypeFor[rawAggregateKey](),
		"aggregate":     reflect.TypeFor[rawAggregate](),
		"prefix":        reflect.TypeFor[prefixKey](),
	} {
		t.Run(name, func(t *testing.T) {
			var inC *btf.Struct
			require.NoError(t, spec.Types.TypeByName(name, &inC))
			require.EqualValues(t, inGo.Size(), inC.Size)
			require.Equal(t, fieldsOfC(t, inC, 0), fieldsOfGo(inGo, 0))
		})
	}
}

func fieldsOfGo(s reflect.Type, base uintptr) (fields []field) {
	for f := range s.Fields() {
		if f.Type.Kind() == reflect.Struct {
			fields = append(fields, fieldsOfGo(f.Type, base+f.Offset)...)
			continue
		}
		fields = append(fields, field{base + f.Offset, f.Type.Size()})
	}
	return fields
}

func fieldsOfC(t *testing.T, s *btf.Struct, base uintptr) (fields []field) {
	for _, m := range s.Members {
		offset := base + uintptr(m.Offset.Bytes())
		if inner, ok := m.Type.(*btf.Struct); ok {
			fields = append(fields, fieldsOfC(t, inner, offset)...)
			continue
		}
		size, err := btf.Sizeof(m.Type)
		require.NoError(t, err)
		fields = append(fields, field{offset, uintptr(size)})
	}
	return fields
}

// TestCodes compares the names of numbers with the enums of bpf/abi.h.
func TestCodes(t *testing.T) {
	spec, err := loadProbes()
	require.NoError(t, err)
	require.EqualValues(t, len((&Stats{}).counters()), spec.Maps[probesMapCounters].MaxEntries)
	for _, backend := range order {
		for _, h := range hookSets[backend] {
			require.Contains(t, spec.Programs, h.program)
		}
	}
}

func TestApply(t *testing.T) {
	spec, err := loadProbes()
	require.NoError(t, err)
	filter := Filter{
		PIDs: []uint32{7, 8}, Comms: []string{"curl"}, Ports: []uint16{443}, Direction: Accept, Family: familyInet6,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Results: []Result{ResultOK, ResultReset},
	}
	require.NoError(t, Options{Filter: filter, MaxConnections: 10, RingBytes: 8192}.apply(spec))
	require.EqualValues(t, 10, spec.Maps[probesMapLive].MaxEntries)
	require.EqualValues(t, 8192, spec.Maps[probesMapRing].MaxEntries)
	require.Len(t, spec.Maps[probesMapFilterPids].Contents, 2)
	require.Equal(t, prefixKey{120, netip.MustParseAddr("192.0.2.0").As16()}, spec.Maps[probesMapFilterPrefixes].Contents[0].Key)
	for name, want := range map[string]uint32{
		probesVarFilters: 1<<0 | 1<<2 | 1<<5 | 1<<6, probesVarFilterResults: 1<<1 | 1<<4, probesVarWakeupBytes: 2048,
	} {
		var got uint32
		require.NoError(t, spec.Variables[name].Get(&got))
		require.Equal(t, want, got, name)
	}
	var direction uint8
	require.NoError(t, spec.Variables[probesVarFilterDirection].Get(&direction))
	require.EqualValues(t, 2, direction)
}
