package sandbox

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/launch"
)

// prepareError gives what went wrong before the launcher started a stage.
func (s *Sandbox) prepareError(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if f, ok := errors.AsType[*fs.Error](err); ok {
		return s.wrap("start", Stage(f.Stage), f.Path, f.Err)
	}
	return s.wrap("start", StagePrepare, "", err)
}

// launchError gives the launcher's failure stage and path, and, where it is
// known, the reason in words.
func (s *Sandbox) launchError(op string, b *builder, err error) error {
	if err == nil {
		return nil
	}
	if g, ok := errors.AsType[*groupError](err); ok {
		return s.wrap(op, StageCgroup, "", g.error)
	}
	step, ok := errors.AsType[*launch.StepError](err)
	if !ok {
		return s.wrap(op, StageLaunch, "", err)
	}
	var cause error = step.Errno
	if Stage(step.Stage) != StageExec {
		cause = fmt.Errorf("%s: %w", step.Call, step.Errno)
	}
	return s.wrap(op, Stage(step.Stage), step.Path, b.explain(step, cause))
}

// explain adds what the errno does not say.
func (b *builder) explain(step *launch.StepError, cause error) error {
	switch Stage(step.Stage) {
	case StageExec:
		return b.explainExec(step.Errno, cause)
	case StageRoot, StageMount:
		return b.explainMount(step, cause)
	case StageProc:
		if step.Errno == syscall.EPERM && b.users.outer != nil {
			return &NotSupportedError{
				Feature: "own /proc for an ordinary user", Err: cause,
				Hint: "the host program itself runs where parts of /proc are hidden, as in a container; run it as root, or with an unmasked /proc",
			}
		}
	case StageNamespaces, StageUsers:
		if errors.Is(cause, syscall.ENOSPC) || errors.Is(cause, syscall.EUSERS) {
			return fmt.Errorf("%w (a limit in /proc/sys/user/max_*_namespaces is reached)", cause)
		}
	case StageRlimit:
		if step.Errno == syscall.EPERM {
			return &NotSupportedError{
				Feature: "hard limit above the host program's", Err: cause,
				Hint: "lower it, raise the host program's, or use BestEffort",
			}
		}
	case StageSeccomp:
		if step.Errno == syscall.EINVAL {
			return fmt.Errorf("%w (the kernel refuses the filter or one of its flags)", cause)
		}
	}
	return cause
}

// explainMount tells why a mount cannot be idmapped, which is the most common
// thing that a file system cannot do.
func (b *builder) explainMount(step *launch.StepError, cause error) error {
	if !step.IDMap || step.Errno != syscall.EINVAL {
		return cause
	}
	source := b.spec.Root.Dir
	for _, m := range b.tree.Mounts {
		if m.Target == step.Path {
			source = m.Source
		}
	}
	return &NotSupportedError{
		Feature: "idmapped mount of " + source, Since: "5.12", Err: cause,
		Hint: fmt.Sprintf("it holds %s; use another file system, fs.Mount.HostOwners, WithHostUsers or BestEffort", fs.Kinds(source)),
	}
}

// explainExec tells a missing command from a missing interpreter, and names
// the architecture of a program that is not this machine's.
func (b *builder) explainExec(errno syscall.Errno, cause error) error {
	paths := b.spec.Process.lookupPaths(b.environ())
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR:
		for _, p := range paths {
			if head := b.head(p); head != nil {
				return fmt.Errorf("%w: %s exists, but not the interpreter that it names%s: %w", ErrNotFound, p, interpreter(head), cause)
			}
		}
		if len(paths) > 1 {
			return fmt.Errorf("%w in PATH: %w", ErrNotFound, cause)
		}
		return fmt.Errorf("%w: %w", ErrNotFound, cause)
	case syscall.ENOEXEC:
		for _, p := range paths {
			if head := b.head(p); head != nil {
				return fmt.Errorf("%w: %s", cause, foreign(head))
			}
		}
	case syscall.E2BIG:
		return fmt.Errorf("arguments and environment are too large for the stack limit, pass them in a file: %w", cause)
	}
	return cause
}

// head reads the beginning of a program as it lies in the root.
func (b *builder) head(name string) []byte {
	if !path.IsAbs(name) {
		name = path.Join("/", b.spec.Process.Dir, name)
	}
	read := b.tree.ReadHead
	if b.live != nil {
		read = b.live.readLive
	}
	head, err := read(name, 4096)
	if err != nil {
		return nil
	}
	return head
}

// interpreter gives the first line of a script.
func interpreter(head []byte) string {
	line, ok := strings.CutPrefix(string(head), "#!")
	if !ok {
		return " (its dynamic loader)"
	}
	line, _, _ = strings.Cut(line, "\n")
	return " (" + strings.TrimSpace(line) + ")"
}

// foreign describes a program that the kernel does not execute.
func foreign(head []byte) string {
	if len(head) < 20 || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return "neither a program nor a script that starts with #!"
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if head[elf.EI_DATA] == byte(elf.ELFDATA2MSB) {
		order = binary.BigEndian
	}
	machine := elf.Machine(order.Uint16(head[18:]))
	return fmt.Sprintf("a program for %s, not for %s", strings.TrimPrefix(machine.String(), "EM_"), runtime.GOARCH)
}
