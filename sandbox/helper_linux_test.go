package sandbox_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// patience bounds what may hang when something is broken. No test measures
// time by it.
const patience = time.Minute

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// probePath is where the probe is inside a host-tools root.
const probePath = "/run/probe"

// withProbe shows the probe in the default root.
func withProbe(t testing.TB) sandbox.Option {
	t.Helper()
	m := fs.BindRO(testutil.Probe(t), probePath)
	m.HostOwners = true // anybody may execute it, wherever it lies
	return sandbox.WithMount(m)
}

// probe runs operations in a sandbox with these options and gives what came of
// each. The command is set here.
func probe(t testing.TB, opts []sandbox.Option, ops ...string) []testutil.Outcome {
	t.Helper()
	out, errOut, err := tryProbe(t, opts, ops...)
	if err != nil {
		t.Fatalf("probe: %v; stderr %q", err, errOut)
	}
	return testutil.Outcomes(t, out)
}

func tryProbe(t testing.TB, opts []sandbox.Option, ops ...string) (out, errOut []byte, err error) {
	t.Helper()
	path := "/bin/probe"
	all := sandbox.Options(opts...)
	s, err := sandbox.New(all, sandbox.WithCommand(path))
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	if s.Spec().Root.Dir == "" {
		path = probePath
		all = sandbox.Options(withProbe(t), all)
	}
	var stdout, stderr bytes.Buffer
	_, err = sandbox.Run(testContext(t), sandbox.WithStdout(&stdout), sandbox.WithStderr(&stderr),
		all, sandbox.WithCommand(path, ops...))
	return stdout.Bytes(), stderr.Bytes(), err
}

// probe1 runs one operation.
func probe1(t testing.TB, opts []sandbox.Option, op string) testutil.Outcome {
	t.Helper()
	return probe(t, opts, op)[0]
}

// lanes runs a test as the host program's user with the default user
// namespace and, as root, once more without one.
func lanes(t *testing.T, test func(t *testing.T, lane sandbox.Option)) {
	t.Helper()
	t.Run("userns", func(t *testing.T) { test(t, sandbox.Options()) })
	if testutil.IsRoot() {
		t.Run("hostusers", func(t *testing.T) { test(t, sandbox.WithHostUsers()) })
	}
}

// options is shorter than the literal.
func options(o ...sandbox.Option) []sandbox.Option { return o }

// isOneOf tells whether an errno's text is one of a list.
func isOneOf(errno string, want ...string) bool {
	return slices.Contains(want, errno)
}

// Texts of errnos as the probe gives them.
const (
	eperm   = "operation not permitted"
	eacces  = "permission denied"
	enoent  = "no such file or directory"
	enosys  = "function not implemented"
	erofs   = "read-only file system"
	enospc  = "no space left on device"
	eloop   = "too many levels of symbolic links"
	eafnos  = "address family not supported by protocol"
	einval  = "invalid argument"
	enxio   = "no such device or address"
	esrch   = "no such process"
	enotdir = "not a directory"
)

// denied fails the test unless the operation was refused.
func denied(t testing.TB, o testutil.Outcome, errnos ...string) {
	t.Helper()
	if !isOneOf(o.Errno, errnos...) {
		t.Errorf("%s: %q, errno %q; want one of: %s", o.Op, o.Out, o.Errno, strings.Join(errnos, ", "))
	}
}

// gives fails the test unless the operation worked and found this.
func gives(t testing.TB, o testutil.Outcome, want string) {
	t.Helper()
	if o.Errno != "" || o.Out != want {
		t.Errorf("%s: %q, errno %q; want %q", o.Op, o.Out, o.Errno, want)
	}
}

// works fails the test unless the operation worked.
func works(t testing.TB, o testutil.Outcome) {
	t.Helper()
	if o.Errno != "" {
		t.Errorf("%s: %s", o.Op, o.Errno)
	}
}
