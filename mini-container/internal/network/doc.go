// Package network connects the network namespace of a container: not at all,
// to itself, or through a veth pair to a bridge of the host, from where NAT
// may lead on.
//
// What a bridge's containers share lies in a directory: a lease per address,
// as an empty file ADDRESS_ID. One lock guards it, the bridge and the rules.
// The first container makes the bridge, the last one takes it away. A veth
// pair needs no care: it goes when the container's namespace does.
package network
