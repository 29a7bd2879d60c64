package sandbox

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/sandkit/sandkit/internal/program"
)

// Rights of Landlock (linux/landlock.h), by the ABI that brought them.
const (
	accessExecute   = 1 << 0
	accessReadFile  = 1 << 2
	accessReadDir   = 1 << 3
	accessFirst     = 1<<13 - 1                                                               // ABI 1: all up to making symbolic links
	accessRefer     = 1 << 13                                                                 // ABI 2: renaming across directories
	accessTruncate  = 1 << 14                                                                 // ABI 3
	accessIoctlDev  = 1 << 15                                                                 // ABI 5
	accessFile      = accessExecute | 1<<1 | accessReadFile | accessTruncate | accessIoctlDev // what files have
	accessReadOnly  = accessExecute | accessReadFile | accessReadDir
	scopeAbstract   = 1 << 0 // ABI 6: abstract Unix sockets
	scopeSignal     = 1 << 1 // ABI 6
	landlockABILast = 6
)

// handled gives the rights that a kernel with this ABI can restrict, and the
// scopes.
func handled(abi int) (access, scope uint64) {
	access = accessFirst
	if abi >= 2 {
		access |= accessRefer
	}
	if abi >= 3 {
		access |= accessTruncate
	}
	if abi >= 5 {
		access |= accessIoctlDev
	}
	if abi >= landlockABILast {
		scope = scopeAbstract | scopeSignal
	}
	return access, scope
}

// landlock plans the second layer. Its rules are opened inside, after the root
// has changed.
func (b *builder) landlock(q *program.Sequence) error {
	l := b.spec.Landlock
	if l == nil {
		return nil
	}
	if err := b.needLandlock(); err != nil {
		return b.drop(DropLandlock, err)
	}
	access, scope := handled(b.features.Landlock)
	// struct landlock_ruleset_attr: file system rights, network rights, scopes;
	// an older kernel takes a shorter one.
	attr := binary.NativeEndian.AppendUint64(nil, access)
	if scope != 0 {
		attr = binary.NativeEndian.AppendUint64(attr, 0)
		attr = binary.NativeEndian.AppendUint64(attr, scope)
	}
	q.Stage(program.Stage(StageLandlock), "")
	ruleset := q.LandlockRuleset(attr, fmt.Sprintf("{access=%#x, scope=%#x}", access, scope))
	for _, p := range l.ReadOnly {
		allow(q, ruleset, p, access&accessReadOnly)
	}
	for _, p := range l.ReadWrite {
		allow(q, ruleset, p, access)
	}
	q.Stage(program.Stage(StageLandlock), "")
	q.LandlockRestrict(ruleset)
	q.Close(ruleset)
	b.protect("Landlock", fmt.Sprintf("ABI %d", min(b.features.Landlock, landlockABILast)))
	return nil
}

// allow adds a rule for a path that may be a file: one with the rights that
// only directories have is refused then, and the second one holds.
func allow(q *program.Sequence, ruleset program.FD, path string, access uint64) {
	q.Stage(program.Stage(StageLandlock), path)
	q.LandlockAllow(ruleset, path, access).Ignore(syscall.EINVAL)
	q.LandlockAllow(ruleset, path, access&accessFile)
}
