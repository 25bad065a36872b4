package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// timeFlags turns "boottime=-1h" into an offset. Clock is "monotonic",
// "boottime" or "both".
func timeFlags(values []string) (map[string]specs.LinuxTimeOffset, error) {
	offsets := map[string]specs.LinuxTimeOffset{}
	for _, value := range values {
		clock, text, found := strings.Cut(value, "=")
		offset, err := time.ParseDuration(text)
		if !found || err != nil {
			return nil, fmt.Errorf("time offset %q is not CLOCK=DURATION, such as boottime=24h", value)
		}
		clocks := []string{clock}
		if clock == "both" {
			clocks = []string{"monotonic", "boottime"}
		}
		for _, clock := range clocks {
			offsets[clock] = timeOffset(offset)
		}
	}
	return offsets, nil
}

// timeOffset splits into seconds, rounded down, and what is left.
func timeOffset(d time.Duration) specs.LinuxTimeOffset {
	seconds := d / time.Second
	if d%time.Second < 0 {
		seconds--
	}
	return specs.LinuxTimeOffset{Secs: int64(seconds), Nanosecs: uint32(d - seconds*time.Second)}
}

// mapFlags turns "0:100000:65536" into a map.
func mapFlags(values []string) ([]specs.LinuxIDMapping, error) {
	var maps []specs.LinuxIDMapping
	for _, value := range values {
		fields := strings.Split(value, ":")
		var numbers [3]uint32
		if len(fields) != len(numbers) {
			return nil, fmt.Errorf("id map %q is not CONTAINER:HOST:COUNT", value)
		}
		for i, field := range fields {
			n, err := strconv.ParseUint(field, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("id map %q: %q is not an id", value, field)
			}
			numbers[i] = uint32(n)
		}
		maps = append(maps, specs.LinuxIDMapping{ContainerID: numbers[0], HostID: numbers[1], Size: numbers[2]})
	}
	return maps, nil
}

// subIDs looks up what the caller has been granted.
func subIDs(o *minicontainer.Options) (err error) {
	caller, err := user.Current()
	if err != nil {
		return fmt.Errorf("find out who you are: %w", err)
	}
	o.UIDMaps, o.GIDMaps, err = minicontainer.SubIDs(os.DirFS("/etc"), caller.Username, o.HostUID, o.HostGID)
	return err
}

// bindFlags turns "SOURCE:DESTINATION[:OPTION,...]" into a mount.
func bindFlags(values []string) ([]specs.Mount, error) {
	var mounts []specs.Mount
	for _, value := range values {
		source, rest, found := strings.Cut(value, ":")
		destination, options, _ := strings.Cut(rest, ":")
		if !found || source == "" || destination == "" {
			return nil, fmt.Errorf("bind mount %q is not SOURCE:DESTINATION[:OPTIONS]", value)
		}
		source, err := filepath.Abs(source)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", value, err)
		}
		m := specs.Mount{Source: source, Destination: destination, Type: "bind", Options: []string{"rbind"}}
		if options != "" {
			m.Options = append(m.Options, strings.Split(options, ",")...)
		}
		mounts = append(mounts, m)
	}
	return mounts, nil
}
