// Package undo keeps what has to be undone when something goes wrong half-way,
// and collects errors that belong together.
package undo
