// Package testutil is what the tests of several packages share: a program that
// looks around inside a sandbox, trees of files, and a check that a test left
// the host as it was.
package testutil
