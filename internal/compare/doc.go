// Command compare runs the same program in sandboxes of several kinds, in turn
// in one run, and prints how long each takes from start to end, and how many
// times as long as sandkit. Then it prints every figure that has a target,
// beside the target (package figures has what is no such time).
//
//	go run ./internal/compare            # as root; needs gcc, bubblewrap, runc
//	go run ./internal/compare -runs 500
//	go run ./internal/compare -figures=false
//
// The program is a static "true". Two rounds are made: back-to-back, and one
// run every 150 ms, as in a service with little to do, where caches are cold and
// the kernel's grace periods show. The floor is a C program that does no more
// than make the same namespaces and mounts (floor/floor.c). What is not
// installed is left out of the table, and said. What a large heap costs is
// measured in two further processes of this program, one with the heap and one
// without, which take turns.
package main
