package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep documents may nest; real ones need six.
const maxDepth = 32

// unmarshal reads a JSON document that all readers understand in the same
// way: it is UTF-8, one object, and has no key twice, not even in another
// case where Go would take it for the same field.
func unmarshal(raw []byte, into any) error {
	if !utf8.Valid(raw) {
		return errors.New("not UTF-8")
	}
	if err := checkJSON(raw); err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// container is an object or a list that is being read.
type container struct {
	keys map[string]bool // nil in a list
	free bool            // keys are the user's, and their case matters
	key  string          // the last one; empty when a key comes next
}

// freeKeys are the fields whose objects have keys of the user's.
var freeKeys = map[string]bool{
	"annotations": true, "labels": true, "volumes": true, "exposedports": true, "container_config": true,
}

func checkJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var open []container
	for first := true; ; first = false {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) && len(open) == 0 && !first {
			return nil
		}
		if err != nil {
			return noEOF(err)
		}
		if !first && len(open) == 0 {
			return errors.New("something follows the document")
		}
		if first && tok != json.Delim('{') {
			return errors.New("not an object")
		}
		if open, err = advance(open, tok); err != nil {
			return err
		}
	}
}

// advance takes a token into account.
func advance(open []container, tok json.Token) ([]container, error) {
	if d, ok := tok.(json.Delim); ok && (d == '}' || d == ']') {
		return finish(open[:len(open)-1]), nil
	}
	if n := len(open) - 1; n >= 0 && open[n].keys != nil && open[n].key == "" {
		key, _ := tok.(string)
		return open, open[n].add(key)
	}
	d, ok := tok.(json.Delim)
	if !ok {
		return finish(open), nil
	}
	if len(open) == maxDepth {
		return nil, errors.New("nested too deep")
	}
	c := container{}
	if d == '{' {
		c.keys = make(map[string]bool)
		if n := len(open) - 1; n >= 0 {
			c.free = open[n].free || freeKeys[strings.TrimPrefix(strings.ToLower(open[n].key), "\x00")]
		}
	}
	return append(open, c), nil
}

// add takes a key, and fails if it was there.
func (c *container) add(key string) error {
	fold := key
	if !c.free {
		fold = strings.ToLower(key)
	}
	if c.keys[fold] {
		return errors.New("key " + quote(key) + " twice")
	}
	c.keys[fold] = true
	c.key = "\x00" + key // never empty
	return nil
}

// finish ends a value: in an object, a key comes next.
func finish(open []container) []container {
	if n := len(open) - 1; n >= 0 {
		open[n].key = ""
	}
	return open
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func quote(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "..."
	}
	b, err := json.Marshal(s)
	if err != nil {
		return "?"
	}
	return string(b)
}
