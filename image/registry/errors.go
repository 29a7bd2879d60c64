package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/sandkit/sandkit/image"
)

var (
	// ErrUnauthorized is matched when a registry wants credentials, or other
	// ones. Many also answer so when there is no such repository.
	ErrUnauthorized = errors.New("not authorized")
	// ErrDenied is matched when a registry knows who asks, and refuses.
	ErrDenied = errors.New("access denied")
	// ErrStalled is matched when a registry was given up because nothing came.
	ErrStalled = errors.New("registry does not respond")
	// ErrNotSigned is matched when no trusted key has signed an image.
	ErrNotSigned = errors.New("not signed by a trusted key")
)

// StatusError is an answer of a registry, or of its token server, that is no
// success. By its status or code it matches [ErrUnauthorized], [ErrDenied] or
// [image.ErrNotFound].
type StatusError struct {
	Method  string
	URL     string // without what may be secret in it
	Status  int    // 404
	Code    string // the registry's, "MANIFEST_UNKNOWN", or empty
	Message string // the registry's, or empty
}

// Error gives what the registry said.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		s += ": " + e.Code
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Is matches the sentinel for the status.
func (e *StatusError) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrDenied:
		return e.Status == http.StatusForbidden || e.Code == errcode.ErrorCodeDenied
	case image.ErrNotFound:
		return e.Status == http.StatusNotFound
	}
	return false
}

// temporary tells whether asking again may help.
func (e *StatusError) temporary() bool { return temporaryStatus(e.Status) }

// RangeError says that a registry sent another part of a blob than it was
// asked for. It matches [image.ErrCorrupt].
type RangeError struct {
	Digest image.Digest
	Offset int64  // that was asked for
	Got    string // the header Content-Range
}

// Error gives what was asked for and what came.
func (e *RangeError) Error() string {
	return fmt.Sprintf("wrong range of %s: want it from byte %d on, got %q", e.Digest, e.Offset, e.Got)
}

// Is matches image.ErrCorrupt.
func (e *RangeError) Is(target error) bool { return target == image.ErrCorrupt }

// StalledError says how long nothing came from a registry. It matches
// [ErrStalled] and is a timeout as net.Error defines it.
type StalledError struct {
	Host string
	For  time.Duration
}

// Error gives host and time.
func (e *StalledError) Error() string {
	return fmt.Sprintf("%s: no data for %v", e.Host, e.For)
}

// Is matches ErrStalled.
func (e *StalledError) Is(target error) bool { return target == ErrStalled }

// Timeout is true.
func (e *StalledError) Timeout() bool { return true }

// Temporary is true.
func (e *StalledError) Temporary() bool { return true }

// OptionError says which option cannot be used. It matches
// [image.ErrInvalid].
type OptionError struct {
	Option string // "Mirrors"
	Value  string
	Err    error
}

// Error names the option.
func (e *OptionError) Error() string {
	return fmt.Sprintf("option %s: %q: %v", e.Option, e.Value, e.Err)
}

// Unwrap gives the cause.
func (e *OptionError) Unwrap() error { return e.Err }

// Is matches image.ErrInvalid.
func (e *OptionError) Is(target error) bool { return target == image.ErrInvalid }

// finalError ends a pull: another host or attempt would not help.
type finalError struct{ error }

// Unwrap gives the cause.
func (e finalError) Unwrap() error { return e.error }

// failed says which image an error is about, once.
func failed(op string, ref image.Ref, err error) error {
	name := ref.String()
	if ref.IsZero() {
		name = ""
	}
	var e *image.Error
	if errors.As(err, &e) && e.Op == op && e.Image == name {
		return e
	}
	return &image.Error{Op: op, Image: name, Err: err}
}

// redacted is a URL without credentials and without its query, which holds
// signatures of storage services.
func redacted(u *url.URL) string {
	if u == nil {
		return ""
	}
	c := *u
	c.User, c.RawQuery, c.Fragment = nil, "", ""
	return c.String()
}

// plain makes this package's errors of the library's, and takes secrets out.
func plain(err error) error {
	var (
		own    *StatusError
		status *errcode.ErrorResponse
		where  *url.Error
	)
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case errors.As(err, &status):
		e := &StatusError{Method: status.Method, URL: redacted(status.URL), Status: status.StatusCode}
		if len(status.Errors) > 0 {
			e.Code, e.Message = printable(status.Errors[0].Code), printable(status.Errors[0].Message)
		}
		return e
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return fmt.Errorf("%w: there are no credentials for it", ErrUnauthorized)
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("%w in the registry", image.ErrNotFound)
	case errors.As(err, &where):
		name := "?"
		if u, parseErr := url.Parse(where.URL); parseErr == nil {
			name = redacted(u)
		}
		return fmt.Errorf("%s %s: %w", strings.ToUpper(where.Op), name, where.Err)
	}
	return err
}

// printable is the beginning of a text from a registry.
func printable(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
