package connsnoop

import (
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
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

// TestCodes compares the names of numbers with the enums of bpf/abi.h and
// bpf/headers/kernel.h.
func TestCodes(t *testing.T) {
	spec, err := loadProbes()
	require.NoError(t, err)
	require.EqualValues(t, len((&Stats{}).counters()), spec.Maps[probesMapCounters].MaxEntries)
	same := map[string]string{"CLOSE": "CLOSED"} // conn-event/v1 says close
	for enum, want := range map[string][]string{
		"kind": inC("KIND_", kinds[:], same), "direction": inC("DIRECTION_", directions[:], nil),
		"result": inC("RESULT_", results[:], nil), "pid_source": inC("PID_", pidSources[:], nil),
		"tcp_state": inC("TCP_", states[:], nil), "counter": counterNames(),
	} {
		t.Run(enum, func(t *testing.T) { require.Equal(t, want, enumOf(t, spec, enum)) })
	}
	flags := enumOf(t, spec, "flag")
	for flag, name := range map[int]string{
		flagSeeded: "FLAG_SEEDED", flagMPTCP: "FLAG_MPTCP", flagTFO: "FLAG_TFO", flagDead: "FLAG_DEAD",
	} {
		require.Equal(t, name, flags[flag])
	}
}

// inC are Go's names as the enum has them.
func inC[T ~string](prefix string, names []T, other map[string]string) (list []string) {
	for _, name := range names {
		text := strings.ToUpper(string(name))
		if o, ok := other[text]; ok {
			text = o
		}
		if text != "" {
			text = prefix + text
		}
		list = append(list, text)
	}
	return list
}

// counterNames are the fields of Stats that come from the kernel.
func counterNames() (list []string) {
	var s Stats
	fields := reflect.ValueOf(&s).Elem()
	wordEnd := regexp.MustCompile(`([a-z])([A-Z])`)
	for _, counter := range s.counters() {
		for i := range fields.NumField() {
			if fields.Field(i).Addr().Interface() == counter {
				list = append(list, strings.ToUpper(wordEnd.ReplaceAllString(fields.Type().Field(i).Name, "${1}_$2")))
			}
		}
	}
	return append(list, "COUNTERS")
}

// enumOf are the names of an enum of the object, by number. What it calls
// nothing is empty: 0 where Go has no name.
func enumOf(t *testing.T, spec *ebpf.CollectionSpec, name string) []string {
	var enum *btf.Enum
	require.NoError(t, spec.Types.TypeByName(name, &enum))
	var list []string
	for _, v := range enum.Values {
		if strings.HasSuffix(v.Name, "_NONE") {
			continue
		}
		for uint64(len(list)) <= v.Value {
			list = append(list, "")
		}
		list[v.Value] = v.Name
	}
	return list
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
