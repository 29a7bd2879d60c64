package cgroup

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/sandkit/sandkit/internal/kernel"
)

// Numbers of the kernel's struct bpf_cgroup_dev_ctx (linux/bpf.h).
const (
	devBlock, devChar                = 1, 2
	accessMknod, accessRead, accessW = 1, 2, 4

	allowMulti = 1 << 1 // BPF_F_ALLOW_MULTI
)

// deviceFilter is the program that decides about devices for a v2 group. It is
// attached to the group, not held by a descriptor: it stays in force when this
// program ends.
//
// It is not containerd's, which (v3.1.3) leaves everything allowed when the
// kernel refuses to load it, allows opening for reading and writing with a
// rule for reading, and panics on a rule without numbers.
type deviceFilter struct{ program *ebpf.Program }

// filterInstructions is the program: each rule is compared in turn, and what no
// rule allows is denied. A rule allows a request when it has every bit of it.
func filterInstructions(rules []DeviceRule) asm.Instructions {
	const context, kind, access, major, minor, rest = asm.R1, asm.R2, asm.R3, asm.R4, asm.R5, asm.R6
	prog := asm.Instructions{
		asm.LoadMem(kind, context, 0, asm.Word),
		asm.Mov.Reg32(access, kind),
		asm.RSh.Imm32(access, 16),
		asm.And.Imm32(kind, 0xffff),
		asm.LoadMem(major, context, 4, asm.Word),
		asm.LoadMem(minor, context, 8, asm.Word),
	}
	for n, r := range mergeRules(rules) {
		next := fmt.Sprintf("rule%d", n+1)
		number := int32(devChar)
		if r.Type == "b" {
			number = devBlock
		}
		first := len(prog)
		prog = append(prog,
			asm.JNE.Imm(kind, number, next),
			asm.Mov.Reg32(rest, access),
			asm.And.Imm32(rest, ^accessBits(r.Access)),
			asm.JNE.Imm(rest, 0, next),
		)
		if r.Major != AnyDevice {
			prog = append(prog, asm.JNE.Imm(major, int32(r.Major), next))
		}
		if r.Minor != AnyDevice {
			prog = append(prog, asm.JNE.Imm(minor, int32(r.Minor), next))
		}
		prog = append(prog, asm.Mov.Imm32(asm.R0, 1), asm.Return())
		prog[first] = prog[first].WithSymbol(fmt.Sprintf("rule%d", n))
	}
	return append(prog,
		asm.Mov.Imm32(asm.R0, 0).WithSymbol(fmt.Sprintf("rule%d", len(mergeRules(rules)))),
		asm.Return(),
	)
}

func accessBits(access string) int32 {
	var bits int32
	for _, c := range access {
		switch c {
		case 'r':
			bits |= accessRead
		case 'w':
			bits |= accessW
		case 'm':
			bits |= accessMknod
		}
	}
	return bits
}

// mergeRules puts the access of rules for the same devices together, as v1
// does: "r" and "w" in two rules are "rw".
func mergeRules(rules []DeviceRule) []DeviceRule {
	var merged []DeviceRule
next:
	for _, r := range rules {
		for i, m := range merged {
			if m.Type == r.Type && m.Major == r.Major && m.Minor == r.Minor {
				for _, c := range r.Access {
					if !strings.ContainsRune(m.Access, c) {
						merged[i].Access += string(c)
					}
				}
				continue next
			}
		}
		merged = append(merged, r)
	}
	return merged
}

// attachFilter loads a filter and attaches it to a v2 group. Nothing is
// allowed to fail: without it every device would be open.
func attachFilter(dir string, rules []DeviceRule) (*deviceFilter, error) {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "sandkit_devices", Type: ebpf.CGroupDevice, License: "Apache-2.0", Instructions: filterInstructions(rules),
	})
	if err != nil {
		return nil, filterError("load", err)
	}
	f := &deviceFilter{program}
	err = onDir(dir, func(fd int) error {
		return link.RawAttachProgram(link.RawAttachProgramOptions{
			Target: fd, Program: program, Attach: ebpf.AttachCGroupDevice, Flags: allowMulti,
		})
	})
	if err != nil {
		return nil, errors.Join(filterError("attach", err), f.close())
	}
	return f, nil
}

// detach takes the filter off a group and closes it; nil is none.
func (f *deviceFilter) detach(dir string) error {
	if f == nil {
		return nil
	}
	err := onDir(dir, func(fd int) error {
		return link.RawDetachProgram(link.RawDetachProgramOptions{Target: fd, Program: f.program, Attach: ebpf.AttachCGroupDevice})
	})
	if err != nil {
		return fmt.Errorf("detach device filter: %w", err)
	}
	return f.close()
}

// close closes the descriptor; an attached filter stays in force.
func (f *deviceFilter) close() error {
	if f == nil {
		return nil
	}
	return f.program.Close()
}

func onDir(dir string, f func(fd int) error) error {
	d, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	return f(int(d.Fd()))
}

// filterError says what to do when the kernel refuses the filter.
func filterError(what string, err error) error {
	for _, refused := range []error{os.ErrPermission, syscall.EINVAL, syscall.ENOSYS, ebpf.ErrNotSupported} {
		if errors.Is(err, refused) {
			return &kernel.NotSupportedError{
				Feature: "Devices (device filter on cgroup v2)", Since: "4.15",
				Hint: "it takes root, and CONFIG_CGROUP_BPF; for an ordinary user, nodes cannot be made and mounts without devices protect",
				Err:  fmt.Errorf("%s device filter: %w", what, err),
			}
		}
	}
	return fmt.Errorf("%s device filter: %w", what, err)
}
