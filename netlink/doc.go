// Package netlink gives sandboxes a network: so far, ports of the host that lead
// to ports inside.
//
// A published port is a listener of the host program, which copies between its
// connections and others that it makes inside. Nothing is changed on the host, no
// privilege is needed, programs that listen on 127.0.0.1 only are reached, too, and
// what was published is gone with the host program, however it ends.
package netlink
