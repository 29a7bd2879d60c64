package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// View is all that is known of one sandbox at one moment.
type View struct {
	Summary
	Dir string // as Entry.Dir
}

// Lookup finds a sandbox by its full id, its name, or the beginning of its id
// if that fits no other, in this order. The error is a *[NotFoundError], an
// *[AmbiguousError], or a *[CorruptError] when the record cannot be trusted.
func (s *Store) Lookup(ref string) (View, error) {
	v, err := s.lookup(ref)
	if err != nil {
		return View{}, fmt.Errorf("look up sandbox: %w", err)
	}
	return v, nil
}

func (s *Store) lookup(ref string) (View, error) {
	id, err := s.find(ref)
	if err != nil {
		return View{}, err
	}
	doc, err := s.read(id)
	if err != nil {
		return View{}, err
	}
	sum, err := s.summarize(doc)
	if err != nil {
		return View{}, err
	}
	if sum.Owned, err = s.owned(id); err != nil {
		return View{}, err
	}
	sum.Record.Spec, err = s.readSpec(id)
	if noEntry(err) {
		_, err = s.read(id) // it was created without, or has been removed
	}
	return View{sum, s.data(id)}, err
}

// find gives the id that is meant.
func (s *Store) find(ref string) (string, error) {
	if isID(ref) {
		if _, err := s.records.Lstat(ref); err == nil {
			return ref, nil
		} else if !noEntry(err) {
			return "", err
		}
	}
	if name, err := ParseName(ref); err == nil {
		h, err := s.holder(name)
		if err != nil {
			return "", err
		}
		if h.id != "" && !h.stale {
			return h.id, nil
		}
	}
	if !isHex(ref) || len(ref) >= idLength {
		return "", &NotFoundError{ref}
	}
	return s.findPrefix(ref)
}

func (s *Store) findPrefix(ref string) (string, error) {
	ids, err := s.ids()
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return "", err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, ref) })
	switch len(ids) {
	case 0:
		return "", &NotFoundError{ref}
	case 1:
		return ids[0], nil
	}
	slices.Sort(ids)
	return "", &AmbiguousError{Ref: ref, IDs: ids}
}

// ids lists the records. The error joins a *CorruptError for each file that is
// none; the ids are good all the same.
func (s *Store) ids() ([]string, error) {
	names, err := listDir(s.records, ".")
	if err != nil {
		return nil, err
	}
	var foreign []error
	ids := slices.DeleteFunc(names, func(name string) bool {
		if isID(name) {
			return false
		}
		foreign = append(foreign, &CorruptError{Path: recordPath(name), Err: errors.New("its name is no id")})
		return true
	})
	return ids, errors.Join(foreign...)
}
