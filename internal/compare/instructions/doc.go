// Command instructions counts how many instructions a machine executes from the
// start to the end of a program in sandboxes of several kinds, with the limits
// of cgroup v2 and without, in virtual machines that count them.
//
//	go run ./internal/compare/instructions            # needs what internal/vmrun needs, and crun
//	go run ./internal/compare/instructions -k 6.12 -runs 50
//
// The machine has one CPU, whose clock advances by a nanosecond an instruction
// and jumps when there is nothing to do. So a time of its clock without the idle
// time is a number of instructions, of all programs and of the kernel, and
// hardly differs from run to run or from host to host. An instruction is no
// fixed time: numbers compare kinds with each other, not with a stopwatch.
//
// "Start to exit" is the median of what was executed between the call that starts
// the program and its return, one run every 150 ms: all that the caller waits
// for. "Whole machine" is everything that was executed during as many runs
// back-to-back, and afterwards until nothing was left to do, for each run: what
// sandkit parks for the next start and what the kernel cleans up later is in it.
// "Waiting" is the median of the time in which a run had nothing to do, which is
// in neither.
//
// The program is a static "true" in a directory that is its root. A start of
// sandkit that is cold finds no launcher parked. bubblewrap and crun are as Debian
// has them; crun runs its own default specification with its cgroupfs manager.
// The floor is the C program in internal/compare/floor, which needs gcc. What is
// not installed is left out, and said.
package main
