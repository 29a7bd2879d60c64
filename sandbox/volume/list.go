package volume

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Filter is one condition of a list, as docker volume ls --filter has it:
//
//	dangling=true|false  nobody uses it, or somebody does
//	label=KEY[=VALUE]    it has the label; several must all be there
//	name=TEXT            the name contains the text; of several, one must fit
//	anonymous=true|false nobody gave it a name, or somebody did
type Filter struct{ Key, Value string }

// ParseFilter reads "key=value". The error is an *[InvalidError].
func ParseFilter(s string) (Filter, error) {
	key, value, ok := strings.Cut(s, "=")
	f := Filter{strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)}
	if !ok || f.Value == "" {
		return Filter{}, &InvalidError{"filter", s, "it is not of the form key=value"}
	}
	return f, f.check()
}

// String is what ParseFilter reads.
func (f Filter) String() string { return f.Key + "=" + f.Value }

func (f Filter) check() error {
	switch f.Key {
	case "name", "label":
		return nil
	case "dangling", "anonymous":
		if _, ok := truth(f.Value); !ok {
			return &InvalidError{"filter " + f.Key, f.Value, "it is neither true nor false"}
		}
		return nil
	}
	return &InvalidError{"filter", f.String(), "the key is none of anonymous, dangling, label and name"}
}

// truth reads what Docker takes for a boolean.
func truth(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	return false, false
}

// List gives the volumes that fit all filters, by name. Damaged ones are left
// out, and the error, which matches [ErrCorrupt], names them; the list is good all
// the same.
func (s *Store) List(ctx context.Context, filters ...Filter) ([]Volume, error) {
	list, err := s.list(ctx, filters)
	if err != nil {
		return list, fmt.Errorf("list volumes: %w", err)
	}
	return list, nil
}

func (s *Store) list(ctx context.Context, filters []Filter) ([]Volume, error) {
	for _, f := range filters {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	names, err := s.files.list(volumesDir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var list []Volume
	var damage error
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		v, err := s.read(name)
		fits := false
		if err == nil {
			fits, err = s.fits(&v, filters)
		}
		switch {
		case isGone(err), noEntry(err): // removed meanwhile
		case errors.Is(err, ErrInvalid) && !errors.Is(err, ErrCorrupt):
			damage = errors.Join(damage, &CorruptError{Path: volumePath(name, ""), Err: err})
		case errors.Is(err, ErrCorrupt):
			damage = errors.Join(damage, err)
		case err != nil:
			return nil, err
		case fits:
			list = append(list, v)
		}
	}
	return list, damage
}

// fits tells whether a volume fits all filters.
func (s *Store) fits(v *Volume, filters []Filter) (bool, error) {
	named, named1 := false, false
	for _, f := range filters {
		want, _ := truth(f.Value)
		ok := true
		switch f.Key {
		case "name":
			named = true
			named1 = named1 || strings.Contains(v.Name, f.Value)
		case "label":
			key, value, exact := strings.Cut(f.Value, "=")
			got, has := v.Labels[key]
			ok = has && (!exact || got == value)
		case "anonymous":
			ok = v.Anonymous == want
		case "dangling":
			users, err := s.locked(v.Name, heldByte)
			if err != nil {
				return false, err
			}
			ok = (len(users) == 0) == want
		}
		if !ok {
			return false, nil
		}
	}
	return named1 || !named, nil
}

// Inspect gives all that is known of a volume. It looks at each file in it; see
// Usage.
func (s *Store) Inspect(ctx context.Context, name string) (Details, error) {
	d := Details{}
	var err error
	if d.Volume, err = s.read(name); err == nil {
		d.Users, err = s.locked(name, heldByte)
	}
	if err == nil {
		d.Bytes, err = s.usage(ctx, name)
	}
	if err != nil {
		return Details{}, fmt.Errorf("inspect volume: %w", err)
	}
	return d, nil
}

// Usage is how many bytes a volume's content takes on the disk, each file
// counted once. It looks at all of them; what is mounted there is not counted.
func (s *Store) Usage(ctx context.Context, name string) (int64, error) {
	_, err := s.read(name)
	var bytes int64
	if err == nil {
		bytes, err = s.usage(ctx, name)
	}
	if err != nil {
		return 0, fmt.Errorf("measure volume: %w", err)
	}
	return bytes, nil
}
