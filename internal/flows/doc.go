// Package flows proves that the commands that people know from docker can be had
// as calls of this SDK: scripts run against a small docker made of such calls,
// and, where there is a dockerd, against the real one. The two must give the same.
//
// Everything is in tests. The scripts are in testdata/script.
package flows
