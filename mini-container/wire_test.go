package minicontainer

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/xdr"
)

// notSent are the fields that are the supervisor's business, or that Validate
// refuses.
var notSent = map[string]bool{
	"Spec.Annotations": true, "Spec.Domainname": true, "Spec.Hooks": true,
	"Spec.Solaris": true, "Spec.Windows": true, "Spec.VM": true, "Spec.ZOS": true, "Spec.FreeBSD": true,
	"Process.CommandLine": true, "Process.Scheduler": true, "Process.SelinuxLabel": true, "Process.IOPriority": true, "Process.ExecCPUAffinity": true,
	"User.Umask": true, "User.Username": true,
	"Linux.Resources": true, "Linux.Seccomp": true, "Linux.NetDevices": true, "Linux.MountLabel": true,
	"Linux.IntelRdt": true, "Linux.MemoryPolicy": true, "Linux.Personality": true,
	"Network.Config": true,
}

// fullConfig has a value other than zero in every field that is sent.
func fullConfig() *config {
	c := &config{}
	populate(reflect.ValueOf(c).Elem(), "")
	return c
}

// TestWire fills every field and looks what arrives.
func TestWire(t *testing.T) {
	sent := fullConfig()
	data, err := xdr.Encode(sent, wireConfig)
	require.NoError(t, err)
	var got config
	require.NoError(t, xdr.Decode(data, &got, wireConfig))
	require.Equal(t, sent, &got)

	for n := range data {
		require.Error(t, xdr.Decode(data[:n], &config{}, wireConfig), "only %d bytes", n)
	}
	data[3]++
	require.ErrorContains(t, xdr.Decode(data, &config{}, wireConfig), "another version")
}

// TestWireVersion fails if the format has changed but not its number.
func TestWireVersion(t *testing.T) {
	data, err := xdr.Encode(fullConfig(), wireConfig)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	require.Equal(t, "3e928dea498c71d3", hex.EncodeToString(sum[:8]), "raise wireVersion, then write the new sum here")
}

// populate gives every field that is sent a value that is not zero.
func populate(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		populate(v.Elem(), name)
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Name() + "." + v.Type().Field(i).Name
			if !notSent[field] {
				populate(v.Field(i), field)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		populate(v.Index(0), name)
		populate(v.Index(1), name)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		populate(key, name)
		populate(value, name)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	default:
		if v.CanInt() {
			v.SetInt(-int64(len(name)))
		} else {
			v.SetUint(uint64(len(name)))
		}
	}
}

// TestUnsentIsRefused: what a child does not get told must not be asked for.
func TestUnsentIsRefused(t *testing.T) {
	fill := func(in any, field string) {
		v := reflect.ValueOf(in).Elem().FieldByName(field)
		populate(v, field)
	}
	for _, field := range []string{"Scheduler", "SelinuxLabel", "IOPriority", "ExecCPUAffinity"} {
		spec := NewSpec(Options{Rootfs: "/r", Args: []string{"true"}})
		require.NoError(t, Validate(spec))
		fill(spec.Process, field)
		require.ErrorContains(t, Validate(spec), "not supported", field)
	}
	for _, field := range []string{"NetDevices", "MountLabel", "IntelRdt", "MemoryPolicy", "Personality"} {
		spec := NewSpec(Options{Rootfs: "/r", Args: []string{"true"}})
		fill(spec.Linux, field)
		require.ErrorContains(t, Validate(spec), "not supported", field)
	}
	for _, field := range []string{"Domainname", "Hooks"} {
		spec := NewSpec(Options{Rootfs: "/r", Args: []string{"true"}})
		fill(spec, field)
		require.ErrorContains(t, Validate(spec), "not supported", field)
	}
}

func FuzzWireConfig(f *testing.F) { fuzzWire(f, fullConfig(), wireConfig) }

func FuzzWireMessage(f *testing.F) {
	step := StepTiming{Step: "s", By: "child", DurationNS: 1}
	fuzzWire(f, &message{Hostname: "a", Steps: []StepTiming{step}, Error: &stepError{Step: "s", Message: "no", Code: 4}}, wireMessage)
}

func fuzzWire[T any](f *testing.F, seed *T, filter xdr.Filter[T]) {
	data, err := xdr.Encode(seed, filter)
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var v T
		if xdr.Decode(data, &v, filter) != nil {
			return
		}
		again, err := xdr.Encode(&v, filter)
		require.NoError(t, err)
		require.Equal(t, data, again, "there is one form of each value only")
	})
}
