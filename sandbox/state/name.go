package state

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// longestName is what a file may be called.
const longestName = 255

// ParseName checks a name by Docker's rule: at least two letters, digits,
// underscores, dots and hyphens, the first a letter or digit. A leading slash,
// which Docker shows, is dropped. The error is an *[InvalidError].
func ParseName(s string) (string, error) {
	name := strings.TrimPrefix(s, "/")
	switch {
	case len(name) < 2 || !isName(name):
		return "", &InvalidError{"name", s, "only [a-zA-Z0-9][a-zA-Z0-9_.-]+ is allowed"}
	case len(name) > longestName:
		return "", &InvalidError{"name", s, "it has more than " + strconv.Itoa(longestName) + " characters"}
	}
	return name, nil
}

func isName(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && (i == 0 || strings.IndexByte("_.-", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// attempts is how many generated names are tried before the short id.
const attempts = 6

// generateName makes a name such as calm_lovelace; from the second attempt on
// with a digit.
func generateName(attempt int) string {
	name := pick(adjectives) + "_" + pick(surnames)
	if attempt > 0 {
		name += strconv.Itoa(rand.IntN(10))
	}
	return name
}

func pick(words string) string {
	list := strings.Fields(words)
	return list[rand.IntN(len(list))]
}

// reserve gives a name to an id. The caller is inside the gate. The error is a
// *NameConflictError when another sandbox has the name.
func (s *Store) reserve(name, id string) error {
	err := s.files.symlink(id, namePath(name))
	if !already(err) {
		return err
	}
	h, err := s.holder(name)
	if err == nil && h.id != "" && !h.stale {
		err = &NameConflictError{Name: name, ID: h.id}
	}
	if err != nil {
		return err
	}
	// It was left by a process that died, or belongs to one that is inside the
	// gate as well: that one is out when this one is alone.
	return &leftover{func() error { _, err := s.releaseStale(name); return err }}
}

// A nameHolder is what has a name. It is stale when no record says so.
type nameHolder struct {
	id    string // empty when the name is free
	stale bool
}

// holder looks a name up. Only who is alone in the gate may believe stale.
func (s *Store) holder(name string) (nameHolder, error) {
	id, err := s.files.root.Readlink(namePath(name))
	if noEntry(err) {
		return nameHolder{}, nil
	}
	if err == nil && !isID(id) {
		err = &InvalidError{"link", id, "it is no id"}
	}
	if err != nil {
		return nameHolder{}, &CorruptError{Path: namePath(name), Err: err}
	}
	doc, err := s.read(id)
	switch {
	case isNotFound(err):
		return nameHolder{id, true}, nil
	case err != nil:
		return nameHolder{id: id}, nil //nolint:nilerr // a damaged record keeps its name until it is discarded
	}
	return nameHolder{id, doc.Record.Name != name}, nil
}

// releaseStale frees a name that no record has. The caller is alone in the gate.
func (s *Store) releaseStale(name string) (bool, error) {
	h, err := s.holder(name)
	if err != nil || !h.stale {
		return false, err
	}
	return true, s.files.remove(namePath(name))
}
