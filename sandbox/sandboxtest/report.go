package sandboxtest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/sandbox"
)

// report logs what may explain why a test with this sandbox, which is closed,
// has failed.
func report(tb testing.TB, s *sandbox.Sandbox, seen *tail) {
	tb.Helper()
	var b strings.Builder
	spec := s.Spec()
	fmt.Fprintf(&b, "%v: %q\n", s, spec.Process.Command)
	res, err := s.Wait(context.Background()) // it has ended
	if res != nil {
		fmt.Fprintf(&b, "ended: %v\n", res)
		list(&b, "protection", res.Protections.String())
	} else {
		fmt.Fprintf(&b, "no result: %v\n", err)
	}
	host, err := sandbox.Probe(context.Background())
	if err == nil {
		fmt.Fprintf(&b, "host: Linux %s, privileged: %t\n", host.Release, host.Privileged)
		planned(&b, &spec, host, res == nil)
	} else {
		fmt.Fprintf(&b, "host: %v\n", err)
	}
	content, over := seen.content()
	if over > 0 {
		fmt.Fprintf(&b, "output, without the first %d bytes:\n", over)
	} else {
		b.WriteString("output:\n")
	}
	b.Write(content)
	tb.Logf("%s", strings.TrimRight(b.String(), "\n"))
}

// planned writes what BestEffort lets go on this host and, where nothing ran,
// what would be in force.
func planned(b *strings.Builder, spec *sandbox.Spec, host sandbox.Features, protections bool) {
	plan, err := spec.Plan(host)
	if err != nil {
		fmt.Fprintf(b, "no plan: %v\n", err)
		return
	}
	if protections {
		list(b, "planned protection", plan.Protections.String())
	}
	for _, d := range plan.Dropped {
		fmt.Fprintf(b, "dropped: %v\n", d)
	}
}

// list writes the lines of a text with a word before each.
func list(b *strings.Builder, what, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(b, "%s: %s", what, line)
	}
}

// tail keeps the end of what is written to it. The zero value is empty.
type tail struct {
	mu   sync.Mutex
	end  []byte
	over int // bytes that were let go
}

// maxTail is how much of the output is logged, in bytes.
const maxTail = 64 << 10

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if over := len(t.end) - maxTail; over > 0 {
		t.over += over
		t.end = append(t.end[:0], t.end[over:]...)
	}
	return len(p), nil
}

func (t *tail) content() (end []byte, over int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.end), t.over
}

// both keeps all that is written to it, within bounds, and shows it to a tail.
type both struct {
	kept bytes.Buffer
	over bool
	seen *tail
}

// Write fails when more is written than anybody wants to keep.
func (b *both) Write(p []byte) (int, error) {
	if _, err := b.seen.Write(p); err != nil {
		return 0, err
	}
	if b.kept.Len()+len(p) > sandbox.MaxOutput {
		b.over = true
		return 0, sandbox.ErrOutputLimit
	}
	return b.kept.Write(p)
}
