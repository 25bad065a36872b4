package connsnoop

import "fmt"

// State is a TCP state, by its name in the kernel without the TCP_ prefix.
type State string

// states is include/net/tcp_states.h: the numbers are user-space ABI.
var states = [...]State{
	1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT",
	7: "CLOSE", 8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING",
}

func parseState(number uint32) (State, error) {
	if number == 0 || number >= uint32(len(states)) {
		return "", fmt.Errorf("unknown TCP state %d", number)
	}
	return states[number], nil
}
