package logs

import (
	"errors"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/internal/undo"
)

// rotate begins a new file. Files are renamed from the oldest to the youngest,
// each at once, so that a reader that looks from young to old misses none.
func (l *JSONFile) rotate() (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("begin next file: %w", err)
		}
	}()
	// Files that are being packed keep their names. An error of the packer leaves
	// the file as it was; Close tells.
	l.packer.await()
	next, err := l.disk.create(l.base.next(), l.opts.Mode)
	if err != nil {
		return err
	}
	if err := l.shift(); err != nil {
		return errors.Join(err, next.Close(), l.disk.remove(l.base.next()))
	}
	if err := l.disk.rename(l.base.next(), l.base.plain(0)); err != nil {
		return errors.Join(err, next.Close(), l.unshift())
	}
	err = l.file.Close()
	l.file, l.size, l.torn = next, 0, false
	if l.opts.Compress {
		l.packer.start(l.base, l.latest, l.opts.Mode)
	}
	return err
}

// shift renames the files, and removes those that are too many. With one file
// there is nothing to do: the next one takes its name.
func (l *JSONFile) shift() error {
	oldest, err := l.base.oldest()
	if err != nil {
		return err
	}
	for n := oldest; n > 0; n-- {
		for _, name := range []func(int) string{l.base.plain, l.base.packed} {
			err := os.ErrNotExist
			if n < l.opts.MaxFiles-1 {
				err = l.disk.rename(name(n), name(n+1))
			}
			if n >= l.opts.MaxFiles-1 {
				err = l.disk.remove(name(n))
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	if l.opts.MaxFiles < 2 {
		return nil
	}
	if err := l.disk.rename(l.base.plain(0), l.base.plain(1)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil // somebody has removed it
}

// unshift gives the file that is written its name back.
func (l *JSONFile) unshift() error {
	var errs undo.Errors
	if l.opts.MaxFiles > 1 {
		if err := l.disk.rename(l.base.plain(1), l.base.plain(0)); !errors.Is(err, os.ErrNotExist) {
			errs.Add(err)
		}
	}
	errs.Add(l.disk.remove(l.base.next()))
	return errs.Err()
}

// cleanUp removes what a killed writer left half-way.
func (l *JSONFile) cleanUp() error {
	if err := l.disk.remove(l.base.next()); err != nil {
		return err
	}
	oldest, err := l.base.oldest()
	if err != nil {
		return err
	}
	// The one that was being packed is the first; if it was packed but not yet
	// removed, there are two of them.
	for n := 1; n <= max(oldest, 1); n++ {
		if err := l.disk.remove(l.base.packed(n) + tempSuffix); err != nil {
			return err
		}
		if _, err := os.Lstat(l.base.plain(n)); err == nil {
			if err := l.disk.remove(l.base.packed(n)); err != nil {
				return err
			}
		}
	}
	return nil
}
