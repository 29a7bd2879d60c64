// Package peer makes and runs what sandboxes are compared with.
package peer
