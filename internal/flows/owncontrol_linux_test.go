package flows

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/logs"
)

// expand fills in a Go template, as docker's --format.
func expand(w io.Writer, format string, data any) error {
	t, err := template.New("").Funcs(template.FuncMap{
		"json": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
	}).Parse(format)
	if err == nil {
		err = t.Execute(w, data)
	}
	if err == nil {
		_, err = fmt.Fprintln(w)
	}
	return err
}

func (o *own) inspect(_ context.Context, c call, args []string) error {
	var format string
	args, err := flags(args, 1, func(f *flag.FlagSet) { f.StringVar(&format, "f", "{{json .}}", "") })
	if err != nil {
		return err
	}
	view, err := o.state.Lookup(args[0])
	if err != nil {
		return fmt.Errorf("No such object: %s", args[0])
	}
	b, err := view.Inspect()
	if err != nil {
		return err
	}
	var data any
	if err := json.Unmarshal(b, &data); err != nil {
		return err
	}
	return expand(c.stdout, format, whole(data))
}

// whole makes integers of numbers, as docker's templates have them.
func whole(v any) any {
	switch v := v.(type) {
	case float64:
		return int(v)
	case map[string]any:
		for key := range v {
			v[key] = whole(v[key])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	}
	return v
}

func (o *own) logs(ctx context.Context, c call, args []string) error {
	var follow bool
	tail := -1
	args, err := flags(args, 1, func(f *flag.FlagSet) {
		f.BoolVar(&follow, "f", false, "")
		f.IntVar(&tail, "n", -1, "")
	})
	if err != nil {
		return err
	}
	b, err := o.find(args[0])
	if err != nil {
		return err
	}
	for e, err := range b.Logs(ctx, sandbox.LogOptions{Follow: follow, Tail: tail}) {
		if err != nil {
			return err
		}
		to := c.stdout
		if e.Stream == logs.Stderr {
			to = c.stderr
		}
		if _, err := fmt.Fprintf(to, "%s", e.Line); err != nil {
			return err
		}
	}
	return nil
}

// wait prints the exit code.
func (o *own) wait(ctx context.Context, c call, args []string) error {
	b, err := o.find(args[0])
	if err != nil {
		return err
	}
	res, err := b.Wait(ctx)
	if res == nil {
		return err
	}
	code := res.ExitCode
	if res.Signal != 0 {
		code = 128 + int(res.Signal)
	}
	fmt.Fprintln(c.stdout, code)
	return nil
}

// stop is docker stop; -t is how long the program has.
func (o *own) stop(ctx context.Context, c call, args []string) error {
	seconds := 10
	args, err := flags(args, 1, func(f *flag.FlagSet) { f.IntVar(&seconds, "t", 10, "") })
	if err != nil {
		return err
	}
	return o.each(c, args, func(b *box) error {
		kill := time.AfterFunc(time.Duration(seconds)*time.Second, func() { _ = b.Kill() })
		defer kill.Stop()
		return b.Stop(ctx)
	})
}

func (o *own) kill(ctx context.Context, c call, args []string) error {
	name := "KILL"
	args, err := flags(args, 1, func(f *flag.FlagSet) { f.StringVar(&name, "s", "KILL", "") })
	if err != nil {
		return err
	}
	sig, ok := signals[name]
	if !ok {
		return fmt.Errorf("Invalid signal: %s", name)
	}
	return o.each(c, args, func(b *box) error {
		if name != "KILL" {
			return b.Signal(sig)
		}
		if err := b.Signal(sig); err != nil {
			return err
		}
		_, _ = b.Wait(ctx) // how it ended is asked for otherwise
		return nil
	})
}

func (o *own) pause(ctx context.Context, c call, args []string) error {
	return o.each(c, args, func(b *box) error { return b.Pause(ctx) })
}

func (o *own) unpause(ctx context.Context, c call, args []string) error {
	return o.each(c, args, func(b *box) error { return b.Resume(ctx) })
}

func (o *own) rename(ctx context.Context, _ call, args []string) error {
	b, err := o.find(args[0])
	if err != nil {
		return err
	}
	return b.Rename(ctx, args[1])
}

// top prints only the commands: everything else differs from run to run.
func (o *own) top(ctx context.Context, c call, args []string) error {
	b, err := o.find(args[0])
	if err != nil {
		return err
	}
	all, err := b.Top(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, "COMMAND")
	for _, p := range all {
		fmt.Fprintln(c.stdout, strings.Join(p.Command, " "))
	}
	return nil
}

func (o *own) update(ctx context.Context, c call, args []string) error {
	var pids int64
	args, err := flags(args, 1, func(f *flag.FlagSet) { f.Int64Var(&pids, "pids-limit", 0, "") })
	if err != nil {
		return err
	}
	return o.each(c, args, func(b *box) error {
		l := b.Spec().Limits
		l.Pids = pids
		return b.Update(ctx, l)
	})
}

// cp copies one way or the other.
func (o *own) cp(ctx context.Context, c call, args []string) error {
	from, to := args[0], args[1]
	if ref, path, ok := strings.Cut(from, ":"); ok {
		b, err := o.find(ref)
		if err != nil {
			return err
		}
		return b.CopyFrom(ctx, path, filepath.Join(c.dir, to))
	}
	ref, path, _ := strings.Cut(to, ":")
	b, err := o.find(ref)
	if err != nil {
		return err
	}
	dir, ok := strings.CutSuffix(from, "/.")
	if !ok {
		return usage("only the contents of a directory are copied to a container here")
	}
	return b.CopyTo(ctx, path, os.DirFS(filepath.Join(c.dir, dir)))
}

func (o *own) commit(ctx context.Context, c call, args []string) error {
	var opts image.CommitOptions
	var changes list
	args, err := flags(args, 2, func(f *flag.FlagSet) {
		f.StringVar(&opts.Author, "a", "", "")
		f.StringVar(&opts.Message, "m", "", "")
		f.Var(&changes, "c", "")
	})
	if err != nil {
		return err
	}
	b, err := o.find(args[0])
	if err != nil {
		return err
	}
	opts.Changes = changes
	if opts.Ref, err = image.ParseRef(args[1]); err != nil {
		return err
	}
	img, err := b.Commit(ctx, opts)
	if err == nil {
		fmt.Fprintln(c.stdout, img.ID())
	}
	return err
}

func (o *own) tag(ctx context.Context, _ call, args []string) error {
	ref, err := image.ParseRef(args[1])
	if err != nil {
		return err
	}
	return o.images.Tag(ctx, args[0], ref)
}

func (o *own) rmi(ctx context.Context, _ call, args []string) error {
	sandbox.Trim() // what is kept ready is in use
	_, err := o.images.Remove(ctx, args[0], false)
	return err
}

// listImages prints names.
func (o *own) listImages(ctx context.Context, c call, args []string) error {
	all, err := o.images.List(ctx)
	if err != nil {
		return err
	}
	names := make(map[string]bool)
	for _, e := range all {
		for _, r := range e.Refs {
			names[r.Familiar()] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if len(args) < 3 || strings.HasPrefix(name, args[2]+":") {
			fmt.Fprintln(c.stdout, name)
		}
	}
	return nil
}
