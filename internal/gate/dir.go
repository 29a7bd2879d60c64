package gate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DataDir is where a kind of data is without further ado: /var/lib/sandkit/KIND
// for root, otherwise sandkit/KIND in $XDG_DATA_HOME, or in ~/.local/share where
// that is not set.
func DataDir(kind string) (string, error) {
	if os.Geteuid() == 0 {
		return filepath.Join("/var/lib/sandkit", kind), nil
	}
	// The XDG rules say that a relative path is to be ignored.
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "sandkit", kind), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the user's data directory: %w", err)
	}
	return filepath.Join(home, ".local", "share", "sandkit", kind), nil
}

// ErrNoDir is matched when something else is in a directory's place.
var ErrNoDir = errors.New("it is no directory")

// MakeDir makes a directory and its parents, all for this user alone, after a
// call of missing. What is there has to be this user's, and nobody else may write
// to it (fs.ErrPermission).
func MakeDir(dir string, missing func() error) error {
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		if err := missing(); err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		info, err = os.Stat(dir)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return ErrNoDir
	}
	return checkOwner(dir, info)
}
