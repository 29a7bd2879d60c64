package seccomp

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// editedJSON is a profile with changes.
type editedJSON struct {
	Base  json.RawMessage `json:"base"`
	Allow []string        `json:"allow,omitempty"`
	Deny  []string        `json:"deny,omitempty"`
}

// MarshalJSON writes the profile in a form that UnmarshalJSON and [Parse] read
// back into an equal one.
func (p Profile) MarshalJSON() ([]byte, error) {
	var own any = p.base.String()
	if p.base == baseCustom {
		own = p.doc
	}
	data, err := json.Marshal(own)
	if err == nil && p.edits != nil {
		data, err = json.Marshal(editedJSON{Base: data, Allow: p.edits.allow, Deny: p.edits.deny})
	}
	if err != nil {
		return nil, fmt.Errorf("write seccomp profile: %w", err)
	}
	return data, nil
}

// UnmarshalJSON is [Parse]. JSON null leaves the profile as it is.
func (p *Profile) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	q, err := Parse(data)
	if err != nil {
		return err
	}
	*p = q
	return nil
}

func parseName(data []byte) (Profile, error) {
	var name string
	if err := json.Unmarshal(data, &name); err != nil {
		return Profile{}, err
	}
	for _, b := range []base{baseDefault, baseStrict, baseUnconfined} {
		if name == b.String() {
			return Profile{base: b}, nil
		}
	}
	return Profile{}, &FieldError{
		Field: "profile", Value: name, Problem: "unknown; use default, strict, unconfined or a profile's JSON",
	}
}

// parseEdited reads a profile with changes. Its base cannot have changes, so
// that nested ones are not followed.
func parseEdited(data []byte) (Profile, error) {
	var e editedJSON
	if err := decode(data, &e); err != nil {
		return Profile{}, err
	}
	p, err := parseBase(e.Base)
	if err != nil {
		return Profile{}, within("base", err)
	}
	if p, err = p.Allow(e.Allow...); err != nil {
		return Profile{}, within("allow", err)
	}
	if p, err = p.Deny(e.Deny...); err != nil {
		return Profile{}, within("deny", err)
	}
	return p, nil
}
