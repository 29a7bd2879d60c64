package store

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
)

// emptyTable is the table of images of a new store.
const emptyTable = `{"schemaVersion":2,"mediaType":"` + image.MediaTypeOCIIndex + `","manifests":[]}`

// annotationAdded says when an image got into the store.
const annotationAdded = "sandkit.image.added"

// maxTable limits the table of images, which has about 400 bytes for each.
const maxTable = 64 << 20

// row is one line of the table of images: an image under one of its names, or
// under none.
type row struct {
	target image.Descriptor
	ref    image.Ref // zero for a dangling image
	added  time.Time
}

// table is the table of images.
type table struct{ rows []row }

// load reads the table. Who wants to change it must have the gate alone.
func (s *Store) load() (*table, error) {
	t, err := s.readTable()
	if err != nil {
		return nil, fmt.Errorf("read the table of images: %w", err)
	}
	return t, nil
}

func (s *Store) readTable() (*table, error) {
	f, err := os.OpenFile(s.path(tableFile), os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if t := s.last.get(info); t != nil {
		return t, nil
	}
	if info.Size() > maxTable {
		return nil, &image.LimitError{What: "size of " + tableFile, Limit: maxTable, Got: info.Size()}
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	t, err := parseTable(raw)
	if err == nil {
		s.last.put(info, t)
	}
	return t, err
}

// lastTable is the table as it was read last, for a file that is still the
// same: each change makes a new one.
type lastTable struct {
	mu   sync.Mutex
	info os.FileInfo
	rows []row
}

func (l *lastTable) get(info os.FileInfo) *table {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.info == nil || !os.SameFile(l.info, info) || l.info.Size() != info.Size() || !changed(l.info).Equal(changed(info)) {
		return nil
	}
	return &table{rows: slices.Clone(l.rows)}
}

func (l *lastTable) put(info os.FileInfo, t *table) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info, l.rows = info, slices.Clone(t.rows)
}

func parseTable(raw []byte) (*table, error) {
	var index image.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", tableFile, err)
	}
	t := &table{rows: make([]row, 0, len(index.Manifests))}
	for i, d := range index.Manifests {
		if err := image.CheckDescriptor(d); err != nil {
			return nil, fmt.Errorf("%s: entry %d: %w", tableFile, i, err)
		}
		r := row{target: d}
		if name := d.Annotations[ocispec.AnnotationRefName]; name != "" {
			ref, err := image.ParseRef(name)
			if err != nil {
				return nil, fmt.Errorf("%s: entry %d: %w", tableFile, i, err)
			}
			r.ref = ref
		}
		if text := d.Annotations[annotationAdded]; text != "" {
			added, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return nil, fmt.Errorf("%s: entry %d: %w", tableFile, i, err)
			}
			r.added = added
		}
		r.target.Annotations = maps.Clone(d.Annotations)
		delete(r.target.Annotations, ocispec.AnnotationRefName)
		delete(r.target.Annotations, annotationAdded)
		if len(r.target.Annotations) == 0 {
			r.target.Annotations = nil
		}
		t.rows = append(t.rows, r)
	}
	return t, nil
}

// save replaces the table. The names of blobs reach the disk first, all at once:
// without an image that needs them, they may as well be lost.
func (s *Store) save(t *table) error {
	raw, err := formatTable(t)
	if err == nil {
		err = s.syncNames()
	}
	if err == nil {
		err = s.files.replace(s.path(tableFile), raw)
	}
	if err != nil {
		return fmt.Errorf("write the table of images: %w", err)
	}
	return nil
}

func (s *Store) syncNames() error {
	dirs, err := os.ReadDir(s.path("blobs"))
	if err != nil {
		return err
	}
	for _, d := range dirs {
		if err := s.files.syncDir(s.path("blobs", d.Name())); err != nil {
			return err
		}
	}
	return s.files.syncDir(s.path("blobs"))
}

// formatTable is the reverse of parseTable.
func formatTable(t *table) ([]byte, error) {
	index := image.Index{SchemaVersion: 2, MediaType: image.MediaTypeOCIIndex, Manifests: []image.Descriptor{}}
	for _, r := range t.rows {
		d := r.target
		d.Annotations = maps.Clone(d.Annotations)
		if d.Annotations == nil {
			d.Annotations = make(map[string]string)
		}
		d.Annotations[annotationAdded] = r.added.UTC().Format(time.RFC3339Nano)
		if !r.ref.IsZero() {
			d.Annotations[ocispec.AnnotationRefName] = r.ref.String()
		}
		index.Manifests = append(index.Manifests, d)
	}
	raw, err := json.Marshal(index)
	if err == nil && len(raw) > maxTable {
		err = &image.LimitError{What: "size of " + tableFile, Limit: maxTable, Got: int64(len(raw))}
	}
	return raw, err
}

// find gives the row of a name, or -1.
func (t *table) find(ref image.Ref) int {
	return slices.IndexFunc(t.rows, func(r row) bool { return r.ref == ref })
}

// has tells whether an image is in the table under any name or none.
func (t *table) has(d image.Digest) bool {
	return slices.ContainsFunc(t.rows, func(r row) bool { return r.target.Digest == d })
}

// set lets a name mean an image. The image that it meant before stays as a
// dangling one when this was its last name. A zero name adds the image only.
func (t *table) set(ref image.Ref, target image.Descriptor, now time.Time) {
	added := now
	for _, r := range t.rows {
		if r.target.Digest == target.Digest {
			added = r.added // an image is as old as its first name
		}
	}
	if ref.IsZero() {
		if !t.has(target.Digest) {
			t.rows = append(t.rows, row{target: target, added: added})
		}
		return
	}
	if i := t.find(ref); i >= 0 {
		if t.rows[i].target.Digest == target.Digest {
			return
		}
		t.unname(i)
	}
	t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return r.ref.IsZero() && r.target.Digest == target.Digest })
	t.rows = append(t.rows, row{target: target, ref: ref, added: added})
}

// unname takes the name off a row.
func (t *table) unname(i int) {
	old := t.rows[i]
	t.rows = slices.Delete(t.rows, i, i+1)
	if !t.has(old.target.Digest) {
		t.rows = append(t.rows, row{target: old.target, added: old.added})
	}
}

// drop takes an image out of the table with all its names.
func (t *table) drop(d image.Digest) {
	t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return r.target.Digest == d })
}
