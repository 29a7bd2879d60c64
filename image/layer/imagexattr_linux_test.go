package layer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
)

// acl makes a list of tags, permissions and ids.
func acl(entries ...[3]uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, e[2])
	}
	return b
}

// TestKernelACL: access control lists become in an image what the kernel makes
// of them in a directory, and what it refuses is refused.
func TestKernelACL(t *testing.T) {
	const none = 1<<32 - 1
	seeds := [][]byte{
		acl(), acl([3]uint32{aclUserObj, 6, none}, [3]uint32{aclGroupObj, 4, none}, [3]uint32{aclOther, 0, none}),
		acl([3]uint32{aclUserObj, 6, none}, [3]uint32{aclGroupObj, 4, none}, [3]uint32{aclMask, 5, none}, [3]uint32{aclOther, 0, none}),
		acl([3]uint32{aclUserObj, 7, none}, [3]uint32{aclUser, 5, 12}, [3]uint32{aclUser, 1, 12}, [3]uint32{aclGroupObj, 4, none},
			[3]uint32{aclGroup, 6, 1}, [3]uint32{aclMask, 7, none}, [3]uint32{aclOther, 4, none}),
		acl([3]uint32{aclUserObj, 6, none}, [3]uint32{aclUser, 5, 12}, [3]uint32{aclGroupObj, 4, none}, [3]uint32{aclOther, 0, none}),
	}
	r := rand.New(rand.NewPCG(1, 1))
	path := newDir(t).Name()
	for i := range 600 {
		v := bytes.Clone(seeds[r.IntN(len(seeds))])
		if i >= len(seeds) {
			for range r.IntN(3) {
				v[r.IntN(len(v))] ^= 1 << r.IntN(8)
			}
			v = v[:len(v)-r.IntN(2)*r.IntN(len(v))]
			if len(v) >= 2*aclEntry+aclHeader && r.IntN(3) == 0 { // another order
				at := aclHeader + aclEntry*r.IntN((len(v)-aclHeader)/aclEntry)
				v = append(v[:at], append(bytes.Clone(v[max(at-aclEntry, 4):at]), v[at:]...)...)
			}
		} else {
			v = bytes.Clone(seeds[i])
		}
		n := &node{kind: []kind{kindFile, kindDir}[r.IntN(2)]}
		name, mode := []string{"system.posix_acl_access", "system.posix_acl_default"}[r.IntN(2)], uint32(r.IntN(0o1000))|0o600
		want, wantErr := inKernel(t, path, n.kind, mode, name, v)
		if i < len(seeds) && errors.Is(wantErr, syscall.EOPNOTSUPP) {
			testutil.Skip(t, "no access control lists here")
		}
		got, err := kernelXattr(n, mode, name, v)
		// Of two errors in one list, either may be told.
		unknown := errors.Is(err, syscall.EOPNOTSUPP) != errors.Is(wantErr, syscall.EOPNOTSUPP)
		if (err == nil) != (wantErr == nil) || unknown || !bytes.Equal(got, want) {
			t.Fatalf("%s %x of %d with mode %o: %x, %v; the kernel: %x, %v", name, v, n.kind, mode, got, err, want, wantErr)
		}
	}
}

// TestKernelCapability does the same for capabilities of files.
func TestKernelCapability(t *testing.T) {
	testutil.NeedRoot(t)
	path := newDir(t).Name()
	for name, magic := range map[string]uint32{"2": 0x02000000, "2+e": 0x02000001, "3": 0x03000000, "3+e": 0x03000001, "1": 0x01000000, "flag": 0x02000002} {
		for _, size := range []int{12, 20, 24, 28} {
			for _, root := range []uint32{0, 1000, 1<<32 - 1} {
				v := binary.LittleEndian.AppendUint32(nil, magic)
				v = append(v, make([]byte, 24)...)
				v[5] = 0x20
				binary.LittleEndian.PutUint32(v[20:], root)
				v = v[:size]
				want, wantErr := inKernel(t, path, kindFile, 0o755, "security.capability", v)
				got, err := kernelXattr(&node{kind: kindFile}, 0o755, "security.capability", v)
				if !errors.Is(err, wantErr) || !bytes.Equal(got, want) {
					t.Errorf("%s, %d bytes, root %d: %x, %v; the kernel: %x, %v", name, size, root, got, err, want, wantErr)
				}
			}
		}
	}
}

// inKernel sets an attribute, then the mode, and gives what the attribute is.
func inKernel(t *testing.T, dir string, k kind, mode uint32, name string, value []byte) ([]byte, error) {
	t.Helper()
	path := dir + "/x"
	err := os.WriteFile(path, nil, 0o600)
	if k == kindDir {
		err = errors.Join(err, os.Remove(path), os.Mkdir(path, 0o700))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(path) }()
	if err := sys.SetXattrPath(path, name, value); err != nil {
		return nil, err
	}
	if err := sys.ChmodPath(path, mode); err != nil {
		t.Fatal(err)
	}
	got, _, err := sys.Xattr(path, name)
	if err != nil {
		t.Fatalf("%s %x: %v", name, value, err)
	}
	return got, nil
}
