package flows

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/archive"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// own is a docker made of this SDK's calls, without a daemon: its containers live
// as long as it does.
type own struct {
	dir    string // for logs
	images *store.Store
	state  *state.Store

	mu    sync.Mutex
	boxes map[string]*box // by id
}

// box is a container.
type box struct {
	*sandbox.Sandbox
	log        string
	autoRemove bool
}

// fail is an error that says what docker's client would exit with.
type fail struct {
	code int
	err  error
}

func (f *fail) Error() string { return f.err.Error() }
func (f *fail) Unwrap() error { return f.err }

// usage says that a command makes no sense.
func usage(format string, args ...any) error { return &fail{125, fmt.Errorf(format, args...)} }

func newOwn(env *testscript.Env, tar []byte) (*own, error) {
	dir := filepath.Join(env.WorkDir, ".own")
	o := &own{dir: dir, boxes: make(map[string]*box)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if o.images, err = store.Open(filepath.Join(dir, "images"), store.NoSync()); err != nil {
		return nil, err
	}
	if o.state, err = state.Open(filepath.Join(dir, "state"), state.NoSync()); err != nil {
		return nil, err
	}
	ref, err := image.ParseRef(imageName)
	if err == nil {
		_, err = archive.ImportRoot(context.Background(), o.images, bytes.NewReader(tar), archive.RootOptions{Ref: ref, Changes: []string{"ENV PATH=/bin"}})
	}
	return o, err
}

func (o *own) close() error {
	var errs []error
	for _, b := range o.boxes {
		errs = append(errs, b.Close())
	}
	sandbox.Trim() // images that are kept ready
	return errors.Join(append(errs, o.state.Close())...)
}

// command is one of docker's.
type command func(o *own, ctx context.Context, c call, args []string) error

var commands = map[string]command{
	"run": (*own).run, "exec": (*own).exec, "ps": (*own).ps, "logs": (*own).logs, "inspect": (*own).inspect,
	"wait": (*own).wait, "stop": (*own).stop, "kill": (*own).kill, "pause": (*own).pause, "unpause": (*own).unpause,
	"rm": (*own).rm, "rename": (*own).rename, "cp": (*own).cp, "commit": (*own).commit, "update": (*own).update,
	"images": (*own).listImages, "tag": (*own).tag, "rmi": (*own).rmi, "top": (*own).top,
	"volume": (*own).volume, "diff": (*own).diff, "restart": (*own).restart,
}

func (o *own) docker(c call, args []string) int {
	do := commands[args[0]]
	if do == nil {
		_, _ = fmt.Fprintf(c.stderr, "no command %s\n", args[0])
		return 1
	}
	err := do(o, context.Background(), c, args[1:])
	if exit, ok := errors.AsType[*sandbox.ExitError](err); ok {
		if exit.Signal != 0 {
			return 128 + int(exit.Signal)
		}
		return exit.ExitCode
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(c.stderr, "Error:", err)
	if f, ok := errors.AsType[*fail](err); ok {
		return f.code
	}
	return 1
}

// flags parses a command's options; what is left are its arguments, of which
// there must be as many.
func flags(args []string, least int, define func(f *flag.FlagSet)) ([]string, error) {
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	define(f)
	if err := f.Parse(args); err != nil {
		return nil, usage("%w", err)
	}
	if f.NArg() < least {
		return nil, usage("%d arguments are too few", f.NArg())
	}
	return f.Args(), nil
}

// find gives the container of a name, id or the beginning of an id.
func (o *own) find(ref string) (*box, error) {
	view, err := o.state.Lookup(ref)
	if err != nil {
		return nil, fmt.Errorf("No such container: %s", ref)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.boxes[view.Record.ID], nil
}

// each does something to every container that is named, and prints the names.
func (o *own) each(c call, refs []string, do func(b *box) error) error {
	var errs []error
	for _, ref := range refs {
		b, err := o.find(ref)
		if err == nil {
			err = do(b)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintln(c.stdout, ref)
	}
	return errors.Join(errs...)
}

// list is an option that may be given more than once.
type list []string

func (l *list) String() string     { return fmt.Sprint(*l) }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }
