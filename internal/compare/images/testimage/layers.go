package testimage

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// made is when all files were made.
var made = time.Date(2025, 5, 20, 12, 0, 0, 0, time.UTC)

// modules is where the second layer has its packages.
const modules = "srv/app/node_modules"

// scopes is how many directories the packages are in.
const scopes = 20

// An archive is a tar that is being written.
type archive struct {
	*tar.Writer
	err error // the first one
}

// write makes a tar of what f adds.
func write(w io.Writer, f func(a *archive)) error {
	a := &archive{Writer: tar.NewWriter(w)}
	f(a)
	return errors.Join(a.err, a.Close())
}

func (a *archive) add(h tar.Header, content io.Reader) {
	if a.err != nil {
		return
	}
	h.ModTime, h.Format = made, tar.FormatUSTAR
	if a.err = a.WriteHeader(&h); a.err == nil && content != nil {
		_, a.err = io.Copy(a, content)
	}
	if a.err != nil {
		a.err = fmt.Errorf("write %s: %w", h.Name, a.err)
	}
}

func (a *archive) dir(name string) {
	a.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}, nil)
}

func (a *archive) file(name string, size int64, content io.Reader) {
	a.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size}, content)
}

// Root writes the lowest layer: the base, or what every root has.
func (o Options) Root(w io.Writer) error {
	if o.Base != "" {
		f, err := os.Open(o.Base)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	}
	return write(w, func(a *archive) {
		for _, d := range []string{"etc", "usr", "usr/bin", "usr/lib"} {
			a.dir(d)
		}
		a.add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin", Linkname: "usr/bin", Mode: 0o777}, nil)
		a.add(tar.Header{Typeflag: tar.TypeSymlink, Name: "lib", Linkname: "usr/lib", Mode: 0o777}, nil)
		a.add(tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil)
		for i, name := range []string{"etc/passwd", "etc/group", "usr/lib/libc.so"} {
			t := text(1<<32 + uint64(i))
			a.file(name, int64(len(t)), newReader(t))
		}
		a.add(tar.Header{Typeflag: tar.TypeLink, Name: "usr/lib/libc.so.6", Linkname: "usr/lib/libc.so", Mode: 0o644}, nil)
	})
}

func scope(i int) string { return fmt.Sprintf("%s/@scope-%02d", modules, i) }

func (o Options) pkg(i int) string {
	return fmt.Sprintf("%s/package-%03d", scope(i*min(scopes, o.Packages)/o.Packages), i)
}

// Text writes the layer of small files.
func (o Options) Text(w io.Writer) error {
	if o.Packages < 2 {
		return fmt.Errorf("make layer: %d packages are less than two", o.Packages)
	}
	return write(w, func(a *archive) {
		for _, d := range []string{"srv", "srv/app", modules} {
			a.dir(d)
		}
		for i := range min(scopes, o.Packages) {
			a.dir(scope(i))
		}
		for i := range o.Packages {
			a.dir(o.pkg(i))
			for j := range o.FilesEach {
				t := text(uint64(i*o.FilesEach + j))
				a.file(fmt.Sprintf("%s/module-%d.js", o.pkg(i), j), int64(len(t)), newReader(t))
			}
		}
	})
}

// Large writes the layer of large files, with bytes of the host's programs.
func (o Options) Large(w io.Writer) (err error) {
	bytes, err := openPrograms(o.Programs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bytes.Close()) }()
	return write(w, func(a *archive) {
		for _, d := range []string{"opt", "opt/data"} {
			a.dir(d)
		}
		for i := range o.Binaries {
			a.file(fmt.Sprintf("opt/data/blob-%d.bin", i), o.BinarySize, io.LimitReader(bytes, o.BinarySize))
		}
	})
}

// Removals writes the uppermost layer, of nine entries: one package is replaced
// by another file, by hiding what is below, and another one is gone, as is a
// large file.
func (o Options) Removals(w io.Writer) error {
	return write(w, func(a *archive) {
		first := o.pkg(0)
		for _, d := range []string{"srv", "srv/app", modules, scope(0), first} {
			a.dir(d)
		}
		t := text(1 << 33)
		a.file(first+"/.wh..wh..opq", 0, nil)
		a.file(first+"/index.js", int64(len(t)), newReader(t))
		a.file(whiteout(o.pkg(1)), 0, nil)
		a.file(whiteout("opt/data/blob-0.bin"), 0, nil)
	})
}
