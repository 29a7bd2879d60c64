package seccomp

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ParseDocker reads a profile in the format of Docker's --security-opt
// seccomp=FILE, of at most 1 MiB. Rules are tied to capabilities,
// architectures and kernel versions when the profile is compiled.
//
// Names of system calls are not checked, since profiles list those of many
// architectures; see [Profile.Unknown]. Architectures are checked but have no
// effect, as filters refuse all but the target's own. Actions, operators,
// flags and fields that are unknown are errors, and so are SCMP_ACT_NOTIFY and
// listeners, which match errors.ErrUnsupported. Bad values are reported as
// [FieldError]. Where rules contradict each other the strictest wins, which
// libseccomp leaves open.
func ParseDocker(data []byte) (Profile, error) {
	doc, err := parseDocument(data)
	if err != nil {
		return Profile{}, fmt.Errorf("parse Docker seccomp profile: %w", err)
	}
	return Profile{base: baseCustom, doc: doc}, nil
}

// ParseOCI reads the linux.seccomp object of the OCI runtime specification. It
// is like [ParseDocker], but fields that only Docker has are errors.
func ParseOCI(data []byte) (Profile, error) {
	doc, err := parseDocument(data)
	if err == nil {
		err = doc.onlyOCI()
	}
	if err != nil {
		return Profile{}, fmt.Errorf("parse OCI seccomp profile: %w", err)
	}
	return Profile{base: baseCustom, doc: doc}, nil
}

// onlyOCI refuses the fields that Docker added to the format.
func (d *document) onlyOCI() error {
	const problem = "only in Docker profiles; use ParseDocker or leave it out"
	if len(d.ArchMap) > 0 {
		return &FieldError{Field: "archMap", Problem: problem}
	}
	for i := range d.Syscalls {
		r, field := &d.Syscalls[i], fmt.Sprintf("syscalls[%d].", i)
		switch {
		case r.Name != "":
			return &FieldError{Field: field + "name", Value: r.Name, Problem: problem}
		case r.Comment != "":
			return &FieldError{Field: field + "comment", Value: r.Comment, Problem: problem}
		case r.Includes != nil:
			return &FieldError{Field: field + "includes", Problem: problem}
		case r.Excludes != nil:
			return &FieldError{Field: field + "excludes", Problem: problem}
		}
	}
	return nil
}

// Parse reads a profile in any of its forms: what a Profile writes to JSON,
// which can be one of the strings "default", "strict" and "unconfined", a
// Docker profile, the linux.seccomp object of an OCI configuration, or a whole
// config.json with one in it. Errors are those of [ParseDocker].
func Parse(data []byte) (Profile, error) {
	p, err := parse(data)
	if err != nil {
		return Profile{}, fmt.Errorf("parse seccomp profile: %w", err)
	}
	return p, nil
}

func parse(data []byte) (Profile, error) {
	if err := checkSize(data); err != nil {
		return Profile{}, err
	}
	if isString(data) {
		return parseName(data)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return Profile{}, err
	}
	if _, ok := keys["base"]; ok {
		return parseEdited(data)
	}
	if _, ok := keys["ociVersion"]; ok {
		return parseConfig(keys["linux"])
	}
	return parseBase(data)
}

// parseBase reads a profile without changes.
func parseBase(data []byte) (Profile, error) {
	if isString(data) {
		return parseName(data)
	}
	doc, err := parseDocument(data)
	if err != nil {
		return Profile{}, err
	}
	return Profile{base: baseCustom, doc: doc}, nil
}

// isString says whether data is a JSON string, if it is JSON at all.
func isString(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(`"`))
}

// parseConfig reads the profile in the linux object of a config.json.
func parseConfig(linux json.RawMessage) (Profile, error) {
	var config struct {
		Seccomp json.RawMessage `json:"seccomp"`
	}
	if len(linux) > 0 {
		if err := json.Unmarshal(linux, &config); err != nil {
			return Profile{}, err
		}
	}
	if len(config.Seccomp) == 0 || string(config.Seccomp) == "null" {
		return Profile{}, &FieldError{
			Field: "linux.seccomp", Problem: "missing; use Unconfined to run without a filter",
		}
	}
	p, err := ParseOCI(config.Seccomp)
	if err != nil {
		return Profile{}, within("linux.seccomp", err)
	}
	return p, nil
}
