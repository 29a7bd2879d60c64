// Package pool keeps sandboxes ready, so that a run costs little more than its
// process.
package pool
