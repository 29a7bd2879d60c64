package seccomp

import (
	"fmt"
	"slices"
)

// edits are system calls taken out of the rules of a profile: both lists are
// sorted, without duplicates, and have no name in common.
type edits struct {
	allow []string
	deny  []string
}

// Allow returns a copy of the profile in which the named system calls are
// executed whatever their arguments and whatever other rules say about them.
// A name that no architecture has is an error.
func (p Profile) Allow(names ...string) (Profile, error) {
	return p.edit(names, nil)
}

// Deny returns a copy of the profile in which the named system calls fail with
// EPERM, whatever the capabilities. A name that no architecture has is an
// error.
func (p Profile) Deny(names ...string) (Profile, error) {
	return p.edit(nil, names)
}

func (p Profile) edit(allow, deny []string) (Profile, error) {
	for _, name := range slices.Concat(allow, deny) {
		if !knownAnywhere(name) {
			return Profile{}, fmt.Errorf("edit seccomp profile: %w", &FieldError{
				Field: "name", Value: name, Problem: "no such system call; check the spelling",
			})
		}
	}
	var old edits
	if p.edits != nil {
		old = *p.edits
	}
	e := edits{
		allow: merge(old.allow, allow, deny),
		deny:  merge(old.deny, deny, allow),
	}
	p.edits = nil
	if len(e.allow)+len(e.deny) > 0 {
		p.edits = &e
	}
	return p, nil
}

// merge returns old and added without removed, as a new sorted list.
func merge(old, added, removed []string) []string {
	all := slices.Concat(old, added)
	all = slices.DeleteFunc(all, func(name string) bool { return slices.Contains(removed, name) })
	slices.Sort(all)
	return slices.Compact(all)
}

// has says whether name was taken out of the rules.
func (e *edits) has(name string) bool {
	if e == nil {
		return false
	}
	_, allowed := slices.BinarySearch(e.allow, name)
	_, denied := slices.BinarySearch(e.deny, name)
	return allowed || denied
}

// rules are what stands in for the calls taken out.
func (e *edits) rules() []rule {
	if e == nil {
		return nil
	}
	return []rule{
		{names: e.allow, act: actAllow},
		{names: e.deny, act: actErrno | errnoPERM},
	}
}
