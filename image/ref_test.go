package image_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/distribution/reference"

	"github.com/sandkit/sandkit/image"
)

const someDigest = "sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa"

func TestParseRef(t *testing.T) {
	for in, want := range map[string]string{
		"busybox":                 "docker.io/library/busybox:latest",
		"busybox:1.36":            "docker.io/library/busybox:1.36",
		"docker.io/busybox":       "docker.io/library/busybox:latest",
		"index.docker.io/busybox": "docker.io/library/busybox:latest",
		"me/app":                  "docker.io/me/app:latest",
		"localhost/app":           "localhost/app:latest",
		"localhost:5000/app:v1":   "localhost:5000/app:v1",
		"quay.io/a/b/c":           "quay.io/a/b/c:latest",
		"Registry/app":            "Registry/app:latest",
		"[::1]:5000/app":          "[::1]:5000/app:latest",
		"busybox@" + someDigest:   "docker.io/library/busybox@" + someDigest,
		"busybox:1@" + someDigest: "docker.io/library/busybox:1@" + someDigest,
	} {
		r, err := image.ParseRef(in)
		if err != nil || r.String() != want {
			t.Errorf("%s: %s, %v, want %s", in, r, err, want)
		}
		again, err := image.ParseRef(r.Familiar())
		if err != nil || again != r {
			t.Errorf("%s: familiar %s is %s, %v", in, r.Familiar(), again, err)
		}
	}
}

// TestRefErrors: the texts are those that Docker prints.
func TestRefErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "invalid reference format",
		"a b":                           "invalid reference format",
		"Busybox":                       "invalid reference format: repository name (library/Busybox) must be lowercase",
		"docker.io/a:":                  "invalid reference format",
		"-a":                            "invalid reference format",
		"a@sha256:1":                    "invalid reference format",
		"https://docker.io/a":           "invalid reference format",
		"a:" + strings.Repeat("t", 129): "invalid reference format",
		strings.Repeat("a", 64):         "invalid repository name (" + strings.Repeat("a", 64) + "), cannot specify 64-byte hexadecimal strings",
		strings.Repeat("a", 250):        "repository name must not be more than 255 characters",
	} {
		_, err := image.ParseRef(in)
		e, ok := errors.AsType[*image.RefError](err)
		if !ok || e.Err.Error() != want || !errors.Is(err, image.ErrInvalid) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestRefParts(t *testing.T) {
	r, err := image.ParseRef("localhost:5000/a/b:v1@" + someDigest)
	if err != nil || r.Registry() != "localhost:5000" || r.Repository() != "a/b" || r.Tag() != "v1" || r.Digest() != someDigest || r.Name() != "localhost:5000/a/b" {
		t.Errorf("%s, %v", r, err)
	}
	n, err := r.WithTag("v2")
	if err != nil || n.String() != "localhost:5000/a/b:v2" {
		t.Errorf("%s, %v", n, err)
	}
	for _, bad := range []string{"", "a b", "v1@" + someDigest, "x/y"} {
		if n, err := r.WithTag(bad); !errors.Is(err, image.ErrInvalid) {
			t.Errorf("tag %q: %s, %v", bad, n, err)
		}
	}
	if _, err := r.WithDigest("sha256:x"); !errors.Is(err, image.ErrInvalid) {
		t.Error(err)
	}
	b, err := json.Marshal(map[string]image.Ref{"r": n, "zero": {}})
	if err != nil || string(b) != `{"r":"localhost:5000/a/b:v2","zero":""}` {
		t.Errorf("%s, %v", b, err)
	}
	var m map[string]image.Ref
	if err := json.Unmarshal(b, &m); err != nil || m["r"] != n || !m["zero"].IsZero() || m["zero"].String() != "" || m["zero"].Familiar() != "" {
		t.Errorf("%v, %v", m, err)
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("busybox:1@" + someDigest)
	f.Add("localhost:5000/a/b")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := image.ParseRef(s)
		if err != nil {
			return
		}
		for _, form := range []string{r.String(), r.Familiar()} {
			if again, err := image.ParseRef(form); err != nil || again != r {
				t.Errorf("%q is %s, whose form %q is %s, %v", s, r, form, again, err)
			}
		}
	})
}

// FuzzRefOracle compares with the parser that Docker uses. Names in which that
// finds no registry do not occur: it takes "a_b.c/d" for one.
func FuzzRefOracle(f *testing.F) {
	for _, s := range []string{
		"busybox:1@" + someDigest, "localhost:5000/a/b", "a__b-.c", "A.b/c", "[::1]:5/x:y", "index.docker.io/x/y", "a/b@md5:" + someDigest[7:39],
		"x@sha256+b64u.y_z:" + someDigest[7:], "a-/b", "-a.b/c", "a..b/c", "a_b.c/d", "docker.io/localhost/x", someDigest[7:], "a:b:c", "a@b@c", "é", "a/É",
		"sha512@sha512:" + someDigest[7:] + someDigest[7:], strings.Repeat("a", 255), "x/" + strings.Repeat("b/", 130) + "c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1000 {
			return // nothing new, and slow there
		}
		got, err := image.ParseRef(s)
		named, wantErr := reference.ParseNormalizedNamed(s)
		if wantErr == nil && reference.Domain(named) == "" {
			return
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, want %v", s, err, wantErr)
		}
		if err != nil {
			if e, ok := errors.AsType[*image.RefError](err); !ok || e.Err.Error() != wantErr.Error() && !errors.Is(wantErr, reference.ErrNameContainsUppercase) {
				t.Errorf("%q: %v, want %v", s, err, wantErr)
			}
			return
		}
		if want := reference.TagNameOnly(named).String(); got.String() != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	})
}
