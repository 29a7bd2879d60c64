package ns

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// Where private ids come from: the numbers between what systemd gives to
// containers (up to 0x6fffffff) and those that some programs take for
// negative (from 0x80000000 on).
const (
	blockBase  = 0x70000000
	blockSize  = 1 << 16
	blockCount = 0x1000 - 1 // the last block would end in 0x7fffffff
)

// blockFile is where host programs tell each other which blocks they use: one
// byte a block, locked by its owner. It is empty and may be removed.
const blockFile = "/run/sandkit/ids"

// A Block is a range of user and group ids outside that no other host program
// uses at the same time. The lock ends with the host program.
type Block struct {
	First, Count uint32
	lock         *os.File
}

// ReserveBlock takes a free block for the host program, which must be root.
func ReserveBlock() (*Block, error) { return reserveBlock(blockFile) }

func reserveBlock(path string) (*Block, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, fmt.Errorf("reserve user ids: %w", err)
	}
	// A random start keeps programs that come and go on different ids, so that
	// files which one of them leaves behind do not fall to the next.
	first := rand.IntN(blockCount)
	for i := range blockCount {
		n := (first + i) % blockCount
		ok, err := sys.TryLockByte(f, int64(n))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("reserve user ids: %w", err), f.Close())
		}
		if ok {
			return &Block{First: blockBase + uint32(n)*blockSize, Count: blockSize, lock: f}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("reserve user ids: all %d blocks are taken", blockCount), f.Close())
}

func openLock(path string) (*os.File, error) {
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	var st syscall.Stat_t
	if err := syscall.Lstat(dir, &st); err != nil {
		return nil, &os.PathError{Op: "lstat", Path: dir, Err: err}
	}
	if st.Mode&sys.S_IFMT != sys.S_IFDIR || st.Uid != uint32(os.Geteuid()) || st.Mode&0o022 != 0 {
		return nil, fmt.Errorf("%s is not a directory that only this user may write to: %w", dir, os.ErrPermission)
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
}

// Mapping maps the block to the ids from 0 on inside.
func (b *Block) Mapping() Mapping { return BlockMapping(b.First, b.Count) }

// Claim gives a copy of what keeps the block from others, for another process: it
// is taken for as long as any has it open. The caller closes it.
func (b *Block) Claim() (*os.File, error) {
	fd, err := sys.Duplicate(b.lock)
	if err != nil {
		return nil, fmt.Errorf("share user ids: %w", err)
	}
	return fd.File(b.lock.Name()), nil
}

// Close gives the block back.
func (b *Block) Close() error { return b.lock.Close() }
