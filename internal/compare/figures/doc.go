// Package figures measures what sandboxes cost the host program besides the
// time of a run: memory, descriptors and processes of those that are alive,
// pauses of all goroutines, and what importing the package adds to a program.
// The comparison command prints the figures, tests hold the steady ones.
package figures
