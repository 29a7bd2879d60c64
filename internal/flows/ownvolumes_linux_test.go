package flows

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// mountOptions are docker run's -v, --mount and --volumes-from.
type mountOptions struct{ volumes, mounts, from list }

func (m *mountOptions) define(f *flag.FlagSet) {
	f.Var(&m.volumes, "v", "")
	f.Var(&m.mounts, "mount", "")
	f.Var(&m.from, "volumes-from", "")
}

func (m *mountOptions) options() ([]sandbox.Option, error) {
	var opts []sandbox.Option
	var errs []error
	for _, kind := range []struct {
		texts list
		parse func(string) (fs.Mount, error)
	}{{m.volumes, fs.ParseVolume}, {m.mounts, fs.ParseMount}} {
		for _, text := range kind.texts {
			mount, err := kind.parse(text)
			errs = append(errs, err)
			opts = append(opts, sandbox.WithMount(mount))
		}
	}
	for _, text := range m.from {
		ref, mode := text, ""
		if n := len(text); n > 3 && (text[n-3:] == ":ro" || text[n-3:] == ":rw") {
			ref, mode = text[:n-3], text[n-2:]
		}
		opts = append(opts, sandbox.WithVolumesFromRef(ref, mode))
	}
	return opts, errors.Join(errs...)
}

// anonymous are the volumes that go with a container when it is removed with -v.
func (o *own) anonymous(b *box) ([]string, error) {
	vols, err := o.state.Volumes()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range b.Mounts() {
		if m.Type != fs.TypeVolume {
			continue
		}
		v, err := vols.Get(m.Name)
		if err != nil {
			return nil, err
		}
		if v.Anonymous {
			names = append(names, v.Name)
		}
	}
	return names, nil
}

// dropVolumes removes volumes that nobody has any more.
func (o *own) dropVolumes(ctx context.Context, names []string) error {
	vols, err := o.state.Volumes()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := vols.Remove(ctx, name, volume.RemoveOptions{}); err != nil && !errors.Is(err, volume.ErrInUse) {
			return err
		}
	}
	return nil
}

// volume is docker volume.
func (o *own) volume(ctx context.Context, c call, args []string) error {
	vols, err := o.state.Volumes()
	if err != nil {
		return err
	}
	switch args[0] {
	case "create":
		v, err := vols.Create(ctx, volume.Options{Name: args[1]})
		if err == nil {
			fmt.Fprintln(c.stdout, v.Name)
		}
		return err
	case "rm":
		err := vols.Remove(ctx, args[1], volume.RemoveOptions{})
		if err == nil {
			fmt.Fprintln(c.stdout, args[1])
		}
		return err
	case "ls":
		all, err := vols.List(ctx)
		for _, v := range all {
			fmt.Fprintln(c.stdout, v.Name)
		}
		return err
	}
	return usage("no command volume %s", args[0])
}

// diff is docker diff.
func (o *own) diff(ctx context.Context, c call, args []string) error {
	b, err := o.find(args[0])
	if err != nil {
		return err
	}
	changes, err := b.Diff(ctx)
	for _, change := range changes {
		fmt.Fprintln(c.stdout, change)
	}
	return err
}

// restart is docker restart.
func (o *own) restart(ctx context.Context, c call, args []string) error {
	var seconds int
	args, err := flags(args, 1, func(f *flag.FlagSet) { f.IntVar(&seconds, "t", 10, "") })
	if err != nil {
		return err
	}
	return o.each(c, args, func(b *box) error { return b.Restart(ctx) })
}
