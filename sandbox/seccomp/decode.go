package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxInput bounds the JSON of a profile; Docker's own has 20 KiB.
const maxInput = 1 << 20

// decode reads one JSON value into v and refuses fields that v does not have:
// a misspelt "args" would make a rule unconditional.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return badJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more data after the profile's JSON")
	}
	return nil
}

// badJSON names the field that err is about, if it is about one.
func badJSON(err error) error {
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && te.Field != "" {
		return &FieldError{Field: te.Field, Problem: "is a JSON " + te.Value + ", want " + te.Type.String(), Err: err}
	}
	return err
}

// checkSize refuses input that is too large to be a profile.
func checkSize(data []byte) error {
	if len(data) > maxInput {
		return fmt.Errorf("%d bytes, %d are possible: %w", len(data), maxInput, ErrTooLarge)
	}
	return nil
}

// parseDocument reads a document and checks it.
func parseDocument(data []byte) (*document, error) {
	if err := checkSize(data); err != nil {
		return nil, err
	}
	doc := new(document)
	if err := decode(data, doc); err != nil {
		return nil, err
	}
	doc.tidy()
	if err := doc.lower(); err != nil {
		return nil, err
	}
	return doc, nil
}

// UnmarshalJSON reads the entries one by one, to name the one that is bad.
func (l *docRules) UnmarshalJSON(data []byte) error {
	var entries []json.RawMessage
	if err := json.Unmarshal(data, &entries); err != nil {
		return &FieldError{Field: "syscalls", Problem: "is not a list", Err: err}
	}
	*l = make(docRules, len(entries))
	for i, entry := range entries {
		if err := decode(entry, &(*l)[i]); err != nil {
			return within(fmt.Sprintf("syscalls[%d]", i), err)
		}
	}
	return nil
}
