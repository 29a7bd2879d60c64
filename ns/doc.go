// Package ns describes the namespaces of a sandbox and the user and group ids
// in it.
//
// A sandbox always has its own user, mount and PID namespace. A [Set] says
// what becomes of the others: each is new, the host program's, or an existing
// one that is joined. A [Mapping] says which ids outside stand behind the ids
// inside, for the user namespace and for idmapped mounts.
//
// Nothing here changes a thread of the host program: joining and unsharing
// happen in the processes of the sandbox alone.
package ns
