package registry

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry/registrytest"
)

func TestReferrers(t *testing.T) {
	for _, api := range []bool{true, false} {
		s := newServer(t)
		s.NoReferrers = !api
		d := s.AddImage("app", "1", registrytest.Image{})
		d.Platform = nil
		var want []image.Descriptor
		for _, kind := range []string{"application/x-a", "application/x-b"} {
			empty := s.AddBlob("app", image.MediaTypeOCIEmpty, []byte("{}"))
			r := s.AddManifest("app", "", image.MediaTypeOCIManifest, image.Manifest{
				SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest, ArtifactType: kind, Config: empty,
				Layers: []image.Descriptor{empty}, Subject: &d,
			})
			r.ArtifactType = kind
			want = append(want, r)
		}
		c := newClient(t, Options{})
		if !api {
			none, err := c.Referrers(t.Context(), s.ref(t, "app:1"), "")
			if err != nil || len(none) > 0 {
				t.Errorf("%v, %v", none, err)
			}
			s.AddIndex("app", strings.Replace(string(d.Digest), ":", "-", 1), want...)
		}
		all, err := c.Referrers(t.Context(), s.ref(t, "app:1"), "")
		if err != nil || len(all) != 2 {
			t.Errorf("api %v: %v, %v", api, all, err)
		}
		some, err := c.Referrers(t.Context(), s.ref(t, "app:1"), "application/x-b")
		if err != nil || len(some) != 1 || some[0].Digest != want[1].Digest {
			t.Errorf("api %v: %v, %v", api, some, err)
		}
		if _, err := c.Referrers(t.Context(), s.ref(t, "app:2"), ""); !errors.Is(err, image.ErrNotFound) {
			t.Errorf("%v", err)
		}
	}
}

func TestTagsAndDelete(t *testing.T) {
	s := newServer(t)
	for i := range 5 {
		s.AddImage("app", fmt.Sprint("v", i), registrytest.Image{Layers: [][]byte{tarOf(t, fmt.Sprint(i), 10)}})
	}
	c := newClient(t, Options{})
	tags, err := c.Tags(t.Context(), s.ref(t, "app"))
	if err != nil || strings.Join(tags, " ") != "v0 v1 v2 v3 v4" {
		t.Errorf("%q, %v", tags, err)
	}
	must(t, c.Delete(t.Context(), s.ref(t, "app:v1")))
	if _, err := c.Resolve(t.Context(), s.ref(t, "app:v1")); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := c.Delete(t.Context(), s.ref(t, "app:v1")); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := c.Tags(t.Context(), s.ref(t, "none")); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if d, err := c.Resolve(t.Context(), s.ref(t, "app:v2")); err != nil || d.MediaType != image.MediaTypeOCIManifest || d.Size == 0 {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := c.Resolve(t.Context(), image.Ref{}); !errors.Is(err, image.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if _, err := c.Tags(t.Context(), image.Ref{}); !errors.Is(err, image.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

// payloadFor is what is signed.
func payloadFor(d image.Digest, name string) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, name, d)
}

func sign(t testing.TB, key crypto.Signer, payload []byte) string {
	t.Helper()
	sum := sha256.Sum256(payload)
	message, hash := sum[:], crypto.SHA256
	if _, ok := key.(ed25519.PrivateKey); ok {
		message, hash = payload, 0
	}
	signature, err := key.Sign(rand.Reader, message, hash)
	must(t, err)
	return base64.StdEncoding.EncodeToString(signature)
}

// signatures makes a manifest of signatures.
func signatures(s *server, repo string, subject *image.Descriptor, pairs ...[2]string) image.Manifest {
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest, Config: s.AddBlob(repo, image.MediaTypeOCIConfig, []byte("{}")), Subject: subject}
	if subject != nil {
		m.ArtifactType = signatureType
	}
	for _, p := range pairs {
		l := s.AddBlob(repo, payloadType, []byte(p[0]))
		l.Annotations = map[string]string{signatureKey: p[1]}
		m.Layers = append(m.Layers, l)
	}
	return m
}

func TestVerifyKey(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	s := newServer(t)
	d := s.AddImage("app", "1", registrytest.Image{Layers: [][]byte{tarOf(t, "x", 100)}})
	d.Platform = nil
	tag := strings.Replace(string(d.Digest), ":", "-", 1) + ".sig"
	name := s.host + "/app"
	good := payloadFor(d.Digest, name)
	pair := func(key crypto.Signer, payload []byte) [2]string {
		return [2]string{string(payload), sign(t, key, payload)}
	}
	keys := []crypto.PublicKey{p256.Public(), ed.Public()}
	for what, c := range map[string]struct {
		pairs [][2]string
		named bool
		ok    bool
	}{
		"none":                     {},
		"ECDSA":                    {[][2]string{pair(p256, good)}, true, true},
		"Ed25519":                  {[][2]string{pair(ed, good)}, true, true},
		"foreign key":              {[][2]string{pair(foreign, good)}, false, false},
		"foreign and own":          {[][2]string{pair(foreign, good), pair(ed, good)}, false, true},
		"of another image":         {[][2]string{pair(ed, payloadFor(image.Describe("", nil).Digest, name))}, false, false},
		"of another name":          {[][2]string{pair(ed, payloadFor(d.Digest, "example.com/x"))}, true, false},
		"of another name, allowed": {[][2]string{pair(ed, payloadFor(d.Digest, "example.com/x"))}, false, true},
		"of another payload":       {[][2]string{{string(good), sign(t, ed, append(good, ' '))}}, false, false},
		"no signature":             {[][2]string{{string(good), ""}}, false, false},
		"no base64":                {[][2]string{{string(good), "*"}}, false, false},
		"another statement":        {[][2]string{pair(ed, []byte(strings.Replace(string(good), "cosign", "some", 1)))}, false, false},
		"no JSON":                  {[][2]string{pair(ed, []byte("{"))}, false, false},
	} {
		for _, how := range []string{"tag", "referrer", "referrer without the API"} {
			var subject *image.Descriptor
			if how != "tag" {
				subject = &d
			}
			s.NoReferrers = how == "referrer without the API"
			m := signatures(s, "app", subject, c.pairs...)
			var done image.Descriptor
			switch {
			case len(c.pairs) == 0:
			case how == "tag":
				done = s.AddManifest("app", tag, m.MediaType, m)
			default:
				done = s.AddManifest("app", "", m.MediaType, m)
				if done.ArtifactType = signatureType; s.NoReferrers {
					s.AddIndex("app", strings.TrimSuffix(tag, ".sig"), done)
				}
			}
			check := VerifyKey(keys...)
			if c.named {
				check = VerifyKeyAndName(keys...)
			}
			to := newStore(t)
			_, err := pull(t, newClient(t, Options{}), to, s.ref(t, "app:1"), PullOptions{Verify: check})
			if c.ok && err != nil || !c.ok && !errors.Is(err, ErrNotSigned) {
				t.Errorf("%s, by %s: %v", what, how, err)
			}
			if !c.ok {
				empty(t, to)
				if u, err := to.Usage(t.Context()); err != nil || u.Blobs > 4096 {
					t.Errorf("%s, by %s: %d bytes were fetched, %v", what, how, u.Blobs, err)
				}
			}
			if done.Digest != "" {
				must(t, newClient(t, Options{}).deleteDigest(t.Context(), s.ref(t, "app"), done.Digest))
			}
		}
	}
}

// deleteDigest deletes a manifest.
func (c *Client) deleteDigest(ctx context.Context, ref image.Ref, d image.Digest) error {
	r, err := ref.WithDigest(d)
	if err != nil {
		return err
	}
	return c.Delete(ctx, r)
}

func TestPublicKeys(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	edKey, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	for _, c := range []struct {
		key crypto.PublicKey
		ok  bool
	}{{p256.Public(), true}, {edKey, true}, {p384.Public(), false}, {old.Public(), false}} {
		der, err := x509.MarshalPKIXPublicKey(c.key)
		must(t, err)
		got, err := ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, image.ErrInvalid) {
			t.Errorf("%T: %v, %v", c.key, got, err)
		}
		if !c.ok && VerifyKey(c.key)(t.Context(), Subject{}) == nil {
			t.Errorf("%T was taken", c.key)
		}
	}
	if _, err := ParsePublicKey([]byte("nothing")); !errors.Is(err, image.ErrInvalid) {
		t.Errorf("%v", err)
	}
}
