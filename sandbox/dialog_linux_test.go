package sandbox_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// dialog is a running sandbox in which the test has the probe do one thing
// after the other.
type dialog struct {
	*sandbox.Sandbox
	orders  *os.File
	answers *bufio.Reader
}

// startDialog starts a sandbox that does each operation when it is asked to.
func startDialog(t *testing.T, opts []sandbox.Option, ops ...string) *dialog {
	t.Helper()
	var script strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&script, "read x; %s '%s'; ", probePath, op)
	}
	in, orders := pipe(t)
	answers, out := pipe(t)
	s := running(t, sandbox.Options(opts...), sandbox.WithStdin(in), sandbox.WithStdout(out), sandbox.WithCommand("sh", "-c", script.String()))
	out.Close() // so that the answers end with the sandbox
	return &dialog{s, orders, bufio.NewReader(answers)}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() }) // perhaps closed before
	return r, w
}

// next has the next operation done.
func (d *dialog) next(t *testing.T) testutil.Outcome {
	t.Helper()
	if _, err := d.orders.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	line, err := d.answers.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return testutil.Outcomes(t, []byte(line))[0]
}
