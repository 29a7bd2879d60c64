// Package tarball makes the tars that tests take for layers.
package tarball

import (
	"archive/tar"
	"bytes"
	"maps"
	"path"
	"time"
)

// An Entry is one entry of a tar.
type Entry struct {
	tar.Header
	Content string
}

// Time is the time of modification of entries for which no other was given.
var Time = time.Unix(1_500_000_000, 123456789)

// Raw is an entry of any type.
func Raw(kind byte, name string, mode int64) Entry {
	return Entry{Header: tar.Header{Typeflag: kind, Name: name, Mode: mode, ModTime: Time, Format: tar.FormatPAX}}
}

// Dir is a directory of mode 0755.
func Dir(name string) Entry { return Raw(tar.TypeDir, name+"/", 0o755) }

// File is a file of mode 0644.
func File(name, content string) Entry {
	e := Raw(tar.TypeReg, name, 0o644)
	e.Size, e.Content = int64(len(content)), content
	return e
}

// Symlink is a symbolic link.
func Symlink(name, target string) Entry {
	e := Raw(tar.TypeSymlink, name, 0o777)
	e.Linkname = target
	return e
}

// Hard is a hard link.
func Hard(name, target string) Entry {
	e := Raw(tar.TypeLink, name, 0o644)
	e.Linkname = target
	return e
}

// Char is a character device of mode 0666.
func Char(name string, major, minor int64) Entry {
	e := Raw(tar.TypeChar, name, 0o666)
	e.Devmajor, e.Devminor = major, minor
	return e
}

// FIFO is a FIFO of mode 0622.
func FIFO(name string) Entry { return Raw(tar.TypeFifo, name, 0o622) }

// Gone is a whiteout: it takes a name of the layers below away.
func Gone(name string) Entry { return File(path.Join(path.Dir(name), ".wh."+path.Base(name)), "") }

// Opaque takes away what the layers below have in a directory.
func Opaque(name string) Entry { return File(path.Join(name, ".wh..wh..opq"), "") }

// WithMode has other permissions.
func (e Entry) WithMode(m int64) Entry { e.Mode = m; return e }

// OwnedBy has other owners.
func (e Entry) OwnedBy(uid, gid int64) Entry { e.Uid, e.Gid = int(uid), int(gid); return e }

// At has another time of modification.
func (e Entry) At(t time.Time) Entry { e.ModTime = t; return e }

// WithXattr has one more extended attribute.
func (e Entry) WithXattr(name, value string) Entry {
	records := map[string]string{"SCHILY.xattr." + name: value}
	maps.Copy(records, e.PAXRecords)
	e.PAXRecords = records
	return e
}

// Make makes a tar.
func Make(entries ...Entry) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := e.Header
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(e.Content)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
