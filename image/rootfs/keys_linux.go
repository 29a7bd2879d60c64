package rootfs

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// form is the form that layers have in the store: back end and format. Its name
// begins the kinds of keys; its number changes when the trees do.
type form struct {
	name     string
	erofs    bool
	format   layer.Format
	rootless bool
}

var (
	formEROFS = form{name: "erofs1", erofs: true, format: layer.OverlayTrusted}
	formDir   = form{name: "ovl1", format: layer.OverlayTrusted}
	formUser  = form{name: "user1", format: layer.OverlayUser, rootless: true}
)

// free is the key of a layer that fits any stack.
func (f form) free(diffID image.Digest) store.LayerKey {
	return store.LayerKey{Kind: f.name, Digest: diffID}
}

// open is the key of a layer as it is before it is settled, which fits some
// stacks.
func (f form) open(diffID image.Digest) store.LayerKey {
	return store.LayerKey{Kind: f.name + "-open", Digest: diffID}
}

// chain is the key of a layer in one stack: a tree of its own, or a note that
// the open one fits.
func (f form) chain(chainID image.Digest) store.LayerKey {
	return store.LayerKey{Kind: f.name + "-chain", Digest: chainID}
}

// private is a key that nobody else uses.
func (f form) private(diffID image.Digest) store.LayerKey {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return store.LayerKey{Kind: f.name + "-private-" + hex.EncodeToString(b[:]), Digest: diffID}
}
