// Package cgroup limits, measures and controls groups of processes.
//
// [Limits] says what a group may use, as plain data. A [Tree] is the part of
// the cgroup hierarchies that belongs to this program; the next program removes
// it when this one is killed ([Host.Collect]). A [Group] in it has limits that can
// change at any time, holds processes, freezes and kills them, reads [Stats]
// and tells of [Event] values.
//
//	host, err := cgroup.Detect()
//	tree, err := host.Claim(ctx, cgroup.DefaultParent)
//	group, err := tree.Create(ctx, cgroup.Config{Name: "job", Limits: cgroup.Limits{Pids: 100}})
//
// Hosts with cgroup v1, with v2 and with both work alike: each controller is
// looked for on its own, and [Stats] mean the same everywhere. What a host
// cannot give is a [NotSupportedError] that names the limit and the remedy,
// unless the caller lets it drop ([BestEffort]).
//
// # What is done here and what in containerd/cgroups
//
// The package builds on github.com/containerd/cgroups/v3 to read which cgroups
// a process is in. Its packages cgroup1 and cgroup2 are what the tests compare
// readings with, and no part of a program that imports this package: they add
// 3.9 and 5.4 MB to a stripped binary and 0.6 ms to the start of every program
// (protobuf, D-Bus, logrus). A reading takes them 0.36 ms and 395 allocations,
// 0.03 ms and 2 here; limits that were set cannot all be lifted again; killing
// waits for children that are not theirs; and the device filter of v3.1.3 lets
// everything pass when the kernel refuses to load it. The filter here is some
// thirty instructions of BPF, which take no library: github.com/cilium/ebpf would
// add 1.3 MB and 0.06 ms.
package cgroup
