package main

import (
	"os"
	"testing"
)

// TestInside runs inside the machine, started by go test -exec.
func TestInside(t *testing.T) {
	if got := read("testdata/greeting"); got != "hello" {
		t.Errorf("testdata: %q", got)
	}
	if os.Getenv("SANDKIT_VM") == "" {
		t.Error("not in the machine")
	}
	if err := os.WriteFile(t.TempDir()+"/x", nil, 0o600); err != nil {
		t.Error(err)
	}
}
