// Package systemd gets a program a part of the cgroup tree from systemd.
//
// Where systemd runs and cgroups are v2, the tree is systemd's, and others make
// groups only in parts that it gave away. A service has one when its unit says
// Delegate=yes, and needs nothing of this package. A program that was started
// by hand asks for one:
//
//	parent, err := systemd.Scope{}.Enter(ctx)
//	...
//	res, err := sandbox.Run(ctx, sandbox.WithMemory(64<<20), sandbox.WithCgroupParent(parent), ...)
//
// That is [cgroup.Host.Claim] with the same parent for who uses package cgroup
// alone. When the program has ended, however it did, systemd ends what is left
// in the scope and removes it.
//
// # Why the program itself moves
//
// A scope has at least one process from the start, and this package makes it
// the calling program. For an ordinary user nothing else works: to start or move
// a process into a group, the kernel wants the right to write to the nearest
// group above both, and a login session and the user's part of the tree have
// only groups of root above them. The user's systemd has the system's move the
// program. As it is a change to the whole program (a terminal's session counts
// it no longer, limits of the group that it was in hold no more) nothing in
// this SDK does it unasked.
//
// # Why a package of its own
//
// D-Bus adds 0.8 MB to a stripped program, and with it package net, which makes
// programs that are built with cgo dynamic. Only who imports this package pays.
package systemd
