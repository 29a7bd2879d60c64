package store

import (
	"errors"
	"slices"
	"testing"

	"github.com/sandkit/sandkit/image"
)

// tagged lists the images by their names, or "-", in the order of List.
func tagged(t *testing.T, s *Store) []string {
	t.Helper()
	all, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		name := ""
		for _, r := range e.Refs {
			name += r.Familiar() + " "
		}
		if e.Dangling() {
			name = "- "
		}
		names = append(names, name[:len(name)-1])
	}
	return names
}

func wantTagged(t *testing.T, s *Store, want ...string) {
	t.Helper()
	if got := tagged(t, s); !slices.Equal(got, want) {
		t.Errorf("images %q, want %q", got, want)
	}
}

func TestTagsMove(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	first := mustAdd(t, l, "app", "1", "layer 1", "layer 2")
	second := mustAdd(t, l, "app", "22", "layer 1", "layer 3")
	wantTagged(t, s, "app:latest", "-")
	if err := s.Tag(ctx, string(first.Digest), ref(t, "localhost:5000/x/y:2")); err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(ctx, "app", ref(t, "app:22")); err != nil {
		t.Fatal(err)
	}
	wantTagged(t, s, "app:22 app:latest", "localhost:5000/x/y:2")
	if err := s.Tag(ctx, "app:22", ref(t, "app@"+string(first.Digest))); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("a name with a wrong digest: %v", err)
	}
	if err := s.Tag(ctx, "app:22", ref(t, "app@"+string(second.Digest))); err != nil {
		t.Error(err)
	}
	if err := s.Tag(ctx, "nosuch", ref(t, "app")); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("tag of nothing: %v", err)
	}
	for _, r := range []string{"app:22", "app:latest", "app@" + string(second.Digest)} {
		if err := s.Untag(ctx, ref(t, r)); err != nil {
			t.Error(err)
		}
	}
	if err := s.Untag(ctx, ref(t, "app:22")); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("untag of nothing: %v", err)
	}
	wantTagged(t, s, "-", "localhost:5000/x/y:2")
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	r, err := s.Prune(ctx, false)
	if err != nil || len(r.Deleted) != 1 || r.Blobs != 3 { // layer 1 is shared
		t.Errorf("%+v, %v", r, err)
	}
	wantTagged(t, s, "localhost:5000/x/y:2")
	healthy(t, s, 4)
	if r, err := s.Prune(ctx, true); err != nil || len(r.Untagged) != 1 || r.Blobs != 4 || r.Freed == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	healthy(t, s, 0)
}

func TestLookup(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	d := mustAdd(t, l, "app:1", "1", "layer 1")
	img, err := s.Image(ctx, "app:1", image.Platform{})
	if err != nil {
		t.Fatal(err)
	}
	hex, id := d.Digest.Encoded(), img.ID().Encoded()
	mustAdd(t, l, hex[:6], "name like an id", "layer 2") // a name goes before an id
	for _, name := range []string{
		"app:1", "docker.io/library/app:1", "app@" + string(d.Digest), "app:1@" + string(d.Digest), string(d.Digest), hex,
		hex[:12], "sha256:" + hex[:10], id, id[:12], "sha256:" + id,
	} {
		e, err := s.Lookup(ctx, name)
		if err != nil || e.Target.Digest != d.Digest || e.ID() != img.ID() {
			t.Errorf("Lookup(%s) = %v, %v", name, e.Target.Digest, err)
		}
	}
	if e, err := s.Lookup(ctx, hex[:6]); err != nil || e.Target.Digest == d.Digest {
		t.Errorf("an id goes before a name: %v", err)
	}
	for _, name := range []string{
		"", "app", "app:2", "other@" + string(d.Digest), "sha256:", "g", "APP:1", hex[1:], "../" + hex, hex + "0",
	} {
		if e, err := s.Lookup(ctx, name); !errors.Is(err, image.ErrNotFound) {
			t.Errorf("Lookup(%s) = %v, %v", name, e.Target.Digest, err)
		}
	}
}

func TestLookupAmbiguous(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	seen := make(map[byte]bool)
	for i := range 20 {
		d := mustAdd(t, l, "", string(rune('a'+i)), "layer")
		if c := d.Digest.Encoded()[0]; !seen[c] {
			seen[c] = true
			continue
		}
		var ambiguous *AmbiguousError
		if _, err := s.Lookup(ctx, d.Digest.Encoded()[:1]); !errors.As(err, &ambiguous) || len(ambiguous.Matches) < 2 {
			t.Errorf("Lookup: %v", err)
		}
		if e, err := s.Lookup(ctx, d.Digest.Encoded()[:16]); err != nil || e.Target.Digest != d.Digest {
			t.Error(err)
		}
		return
	}
	t.Error("20 images have different first digits")
}

func TestRemove(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	d := mustAdd(t, l, "app:1", "1", "layer 1")
	id := string(d.Digest)
	if _, err := s.Remove(ctx, "app:1", false); !errors.Is(err, ErrInUse) {
		t.Errorf("a lease keeps it: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app:2", "other:3", "app@" + id} {
		if err := s.Tag(ctx, id, ref(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	var inUse *InUseError
	if _, err := s.Remove(ctx, id[7:19], false); !errors.As(err, &inUse) || len(inUse.Tags) != 4 {
		t.Errorf("several names: %v", err)
	}
	if r, err := s.Remove(ctx, "app:1", false); err != nil || len(r.Untagged) != 1 || len(r.Deleted) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := s.Remove(ctx, "other:3", false); err != nil || len(r.Untagged) != 1 || len(r.Deleted) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	// The name with a digest goes with the last tag of its repository.
	if r, err := s.Remove(ctx, "app:2", false); err != nil || len(r.Untagged) != 2 || len(r.Deleted) != 1 || r.Blobs != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := s.Remove(ctx, "app:2", true); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	healthy(t, s, 0)

	l = lease(t, s)
	id = string(mustAdd(t, l, "app:1", "1", "layer 1").Digest)
	if err := errors.Join(s.Tag(ctx, id, ref(t, "app@"+id)), l.Release()); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Remove(ctx, id[7:19], false); err != nil || len(r.Untagged) != 2 || r.Blobs != 3 {
		t.Errorf("a tag and its digest count as several names: %+v, %v", r, err)
	}

	held := lease(t, s)
	mustAdd(t, held, "app:1", "1", "layer 1")
	if r, err := s.Remove(ctx, "app:1", true); err != nil || r.Blobs != 0 {
		t.Errorf("what a lease keeps is gone: %+v, %v", r, err)
	}
	wantTagged(t, s)
	healthy(t, s, 3)
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	healthy(t, s, 0)
}

func TestUsage(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	mustAdd(t, l, "a", "1", "shared", "only a")
	mustAdd(t, l, "b", "22", "shared", "only b")
	if _, err := l.Put(ctx, "a/b", []byte("of no image")); err != nil {
		t.Fatal(err)
	}
	u, err := s.Usage(ctx)
	if err != nil || len(u.Images) != 2 || u.Reclaimable != 0 {
		t.Fatalf("%+v, %v", u, err)
	}
	var sum int64
	for _, i := range u.Images {
		sum += i.Unique
		if i.Shared == 0 || i.Unique != 3*i.Shared || i.Size < 300 {
			t.Errorf("%v: shared %d, unique %d, size %d", i.Refs, i.Shared, i.Unique, i.Size)
		}
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if u, err = s.Usage(ctx); err != nil || u.Reclaimable == 0 || u.Blobs != sum+u.Images[0].Shared+u.Reclaimable {
		t.Errorf("%+v, %v", u, err)
	}
	r, err := s.Remove(ctx, "a", false)
	if err != nil || r.Freed != u.Images[1].Unique {
		t.Errorf("freed %d, %v; unique were %d", r.Freed, err, u.Images[1].Unique)
	}
}

func TestDiscard(t *testing.T) {
	s, ctx := open(t), t.Context()
	l := lease(t, s)
	mustAdd(t, l, "app", "1", "shared", "layer")
	orphan, err := l.Put(ctx, "a/b", []byte("there before"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	l = lease(t, s)
	if _, err := addImage(ctx, l, "22", "shared", "there before", "new"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Discard(ctx); err != nil {
			t.Error(err)
		}
	}
	if ok, err := s.Has(orphan.Digest); !ok || err != nil {
		t.Errorf("what was there before is gone: %v", err)
	}
	if u, err := s.Usage(ctx); err != nil || u.Reclaimable != u.Blobs-u.Images[0].Unique {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := l.Put(ctx, "a/b", nil); !errors.Is(err, ErrReleased) {
		t.Errorf("a discarded lease: %v", err)
	}
	healthy(t, s, 4)
}
