package registry

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/sandkit/sandkit/image"
)

// What cosign writes.
const (
	signatureType    = "application/vnd.dev.cosign.artifact.sig.v1+json"
	payloadType      = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureKey     = "dev.cosignproject.cosign/signature"
	payloadStatement = "cosign container image signature"
)

// Limits of signatures.
const (
	maxSignatures  = 100
	maxPayloadSize = 1 << 20
)

// SignatureError says why an image is not taken for signed. It matches
// [ErrNotSigned].
type SignatureError struct {
	Digest image.Digest // the image's
	Tried  int          // signatures that were looked at
	Err    error        // what is wrong with the last one, or nil
}

// Error tells how many signatures there are.
func (e *SignatureError) Error() string {
	s := fmt.Sprintf("%s: %v: %d signatures", e.Digest, ErrNotSigned, e.Tried)
	if e.Err != nil {
		s += ", the last: " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *SignatureError) Unwrap() error { return e.Err }

// Is matches ErrNotSigned.
func (e *SignatureError) Is(target error) bool { return target == ErrNotSigned }

// VerifyKey makes a check for PullOptions.Verify: the image is signed, as
// cosign does with a key pair, by one of these keys, ECDSA on P-256 or
// Ed25519. The signature is for the digest; what the image was called when it
// was signed does not matter. Signatures are found by the tag sha256-<hex>.sig
// and as referrers. The error of the check matches [ErrNotSigned].
func VerifyKey(keys ...crypto.PublicKey) func(ctx context.Context, s Subject) error {
	return func(ctx context.Context, s Subject) error { return verify(ctx, s, keys, false) }
}

// VerifyKeyAndName is VerifyKey, and the image must have been signed under the
// name, registry and repository, that it is pulled by: a signed image of one
// repository is none of another.
func VerifyKeyAndName(keys ...crypto.PublicKey) func(ctx context.Context, s Subject) error {
	return func(ctx context.Context, s Subject) error { return verify(ctx, s, keys, true) }
}

// ParsePublicKey reads a public key in PEM, such as cosign.pub.
func ParsePublicKey(text []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("parse public key: %w: no PUBLIC KEY in PEM", image.ErrInvalid)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err == nil {
		err = checkKey(key)
	}
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w: %w", image.ErrInvalid, err)
	}
	return key, nil
}

// checkKey makes sure that a key is of a kind that verifySignature knows.
func checkKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k == nil || k.Curve != elliptic.P256() {
			return errors.New("ECDSA on another curve than P-256")
		}
		return nil
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return errors.New("wrong size of an Ed25519 key")
		}
		return nil
	}
	return fmt.Errorf("public key of type %T: want ECDSA or Ed25519", key)
}

// verify looks for a good signature.
func verify(ctx context.Context, s Subject, keys []crypto.PublicKey, named bool) error {
	for _, k := range keys {
		if err := checkKey(k); err != nil {
			return err
		}
	}
	bad := &SignatureError{Digest: s.Descriptor.Digest}
	look := func(raw []byte, d image.Descriptor) (bool, error) {
		var m *image.Manifest
		if m, bad.Err = image.ParseManifest(d, raw); bad.Err != nil {
			return false, nil //nolint:nilerr // it is told when no other one is good
		}
		for _, l := range m.Layers {
			if l.MediaType != payloadType || bad.Tried >= maxSignatures {
				continue
			}
			bad.Tried++
			if bad.Err = verifyLayer(ctx, s, l, keys, named); bad.Err == nil {
				return true, nil
			}
			if ctx.Err() != nil {
				return false, context.Cause(ctx)
			}
		}
		return false, nil
	}
	if ok, err := bySignatureTag(ctx, s, look); ok || err != nil {
		return err
	}
	if ok, err := byReferrers(ctx, s, look); ok || err != nil {
		return err
	}
	return bad
}

// lookFunc looks for a good signature in a manifest of signatures.
type lookFunc func(raw []byte, d image.Descriptor) (bool, error)

// bySignatureTag looks where cosign has always put signatures.
func bySignatureTag(ctx context.Context, s Subject, look lookFunc) (bool, error) {
	d, raw, err := s.Tagged(ctx, strings.Replace(string(s.Descriptor.Digest), ":", "-", 1)+".sig")
	if errors.Is(err, image.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("fetch signatures: %w", err)
	}
	return look(raw, d)
}

// byReferrers looks where cosign puts signatures when it is told to.
func byReferrers(ctx context.Context, s Subject, look lookFunc) (bool, error) {
	all, err := s.Referrers(ctx, signatureType)
	if err != nil {
		return false, fmt.Errorf("list signatures: %w", err)
	}
	for _, d := range all[:min(len(all), maxSignatures)] {
		raw, err := s.Fetch(ctx, d, image.MaxManifestSize)
		if errors.Is(err, image.ErrNotFound) {
			continue // the list is older than what it lists
		}
		if err != nil {
			return false, fmt.Errorf("fetch signature %s: %w", d.Digest, err)
		}
		if ok, err := look(raw, d); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// verifyLayer verifies one signature: the payload is a blob, the signature of
// it an annotation.
func verifyLayer(ctx context.Context, s Subject, l image.Descriptor, keys []crypto.PublicKey, named bool) error {
	signature, err := base64.StdEncoding.DecodeString(l.Annotations[signatureKey])
	if err != nil || len(signature) == 0 {
		return errors.New("no signature in its annotations")
	}
	payload, err := s.Fetch(ctx, l, maxPayloadSize)
	if err != nil {
		return fmt.Errorf("fetch payload: %w", err)
	}
	if !verifySignature(keys, payload, signature) {
		return errors.New("made with another key, or for another payload")
	}
	name := ""
	if named {
		name = s.Ref.Name()
	}
	return checkPayload(payload, s.Descriptor.Digest, name)
}

// verifySignature tells whether one of the keys has signed.
func verifySignature(keys []crypto.PublicKey, payload, signature []byte) bool {
	sum := sha256.Sum256(payload)
	for _, key := range keys {
		switch k := key.(type) {
		case *ecdsa.PublicKey:
			if ecdsa.VerifyASN1(k, sum[:], signature) {
				return true
			}
		case ed25519.PublicKey:
			if ed25519.Verify(k, payload, signature) {
				return true
			}
		}
	}
	return false
}

// checkPayload makes sure that a payload is about an image and, if it is not
// empty, about a name.
func checkPayload(raw []byte, want image.Digest, name string) error {
	var payload struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest image.Digest `json:"docker-manifest-digest"`
			} `json:"image"`
			Identity struct {
				Reference string `json:"docker-reference"`
			} `json:"identity"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(raw, &payload); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	c := payload.Critical
	if c.Type != payloadStatement {
		return fmt.Errorf("payload is a %q", c.Type)
	}
	if c.Image.Digest != want {
		return &image.DigestError{What: "digest that is signed", Want: want, Got: c.Image.Digest}
	}
	if name == "" {
		return nil
	}
	ref, err := image.ParseRef(c.Identity.Reference)
	if err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	if ref.Name() != name {
		return fmt.Errorf("signed as %s, not as %s", ref.Name(), name)
	}
	return nil
}
