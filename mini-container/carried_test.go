package minicontainer

import (
	"encoding/json"
	"reflect"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// notCarried are the fields that are the supervisor's business, or that
// Validate refuses.
var notCarried = map[string]bool{
	"Spec.Annotations": true, "Spec.Domainname": true, "Spec.Hooks": true,
	"Spec.Solaris": true, "Spec.Windows": true, "Spec.VM": true, "Spec.ZOS": true, "Spec.FreeBSD": true,
	"Linux.Resources": true, "Linux.Seccomp": true, "Linux.NetDevices": true, "Linux.MountLabel": true,
	"Linux.IntelRdt": true, "Linux.MemoryPolicy": true, "Linux.Personality": true,
}

// TestCarried fills every field of a configuration and looks what arrives.
func TestCarried(t *testing.T) {
	sent := &specs.Spec{}
	populate(reflect.ValueOf(sent).Elem())
	text, err := json.Marshal(carry(sent))
	require.NoError(t, err)
	var received carried
	require.NoError(t, json.Unmarshal(text, &received))
	got := received.spec()
	compareFields(t, "Spec", reflect.ValueOf(*sent), reflect.ValueOf(*got))
	compareFields(t, "Linux", reflect.ValueOf(*sent.Linux), reflect.ValueOf(*got.Linux))
}

func compareFields(t *testing.T, of string, sent, got reflect.Value) {
	for i := range sent.NumField() {
		name := of + "." + sent.Type().Field(i).Name
		if notCarried[name] {
			require.True(t, got.Field(i).IsZero(), name)
			continue
		}
		if name != "Spec.Linux" {
			require.Equal(t, sent.Field(i).Interface(), got.Field(i).Interface(), name)
		}
	}
}

// populate gives every field a value that is not zero, except in what does not
// survive JSON.
func populate(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		populate(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				populate(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		populate(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		populate(key)
		populate(value)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Interface:
	default:
		if v.CanInt() {
			v.SetInt(7)
		} else {
			v.SetUint(7)
		}
	}
}
