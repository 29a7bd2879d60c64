// Package pty makes pseudo-terminals, on the host and inside of a root that
// hostile programs share, and changes the settings of terminals.
package pty
