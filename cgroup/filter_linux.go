package cgroup

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
)

// Numbers of the kernel's struct bpf_cgroup_dev_ctx (linux/bpf.h).
const (
	devBlock, devChar                = 1, 2
	accessMknod, accessRead, accessW = 1, 2, 4
)

// deviceFilter is the program that decides about devices for a v2 group. It is
// attached to the group, not held by a descriptor: it stays in force when this
// program ends.
//
// It is not containerd's, which (v3.1.3) leaves everything allowed when the
// kernel refuses to load it, allows opening for reading and writing with a
// rule for reading, and panics on a rule without numbers.
type deviceFilter struct{ program *sys.FD }

// filterInstructions is the program: each rule is compared in turn, and what no
// rule allows is denied. A rule allows a request when it has every bit of it.
func filterInstructions(rules []DeviceRule) bpfProgram {
	const result, context, kind, access, major, minor, rest = 0, 1, 2, 3, 4, 5, 6
	p := bpfProgram{
		{op: bpfLoad, dst: kind, src: context},
		{op: bpfMoveReg, dst: access, src: kind},
		{op: bpfShiftRight, dst: access, imm: 16},
		{op: bpfAnd, dst: kind, imm: 0xffff},
		{op: bpfLoad, dst: major, src: context, offset: 4},
		{op: bpfLoad, dst: minor, src: context, offset: 8},
	}
	for _, r := range mergeRules(rules) {
		number := int32(devChar)
		if r.Type == "b" {
			number = devBlock
		}
		rule := bpfProgram{
			{op: bpfJumpNotEqual, dst: kind, imm: number},
			{op: bpfMoveReg, dst: rest, src: access},
			{op: bpfAnd, dst: rest, imm: ^accessBits(r.Access)},
			{op: bpfJumpNotEqual, dst: rest, imm: 0},
		}
		if r.Major != AnyDevice {
			rule = append(rule, bpfInstruction{op: bpfJumpNotEqual, dst: major, imm: int32(r.Major)})
		}
		if r.Minor != AnyDevice {
			rule = append(rule, bpfInstruction{op: bpfJumpNotEqual, dst: minor, imm: int32(r.Minor)})
		}
		rule = append(rule, bpfInstruction{op: bpfMove, dst: result, imm: 1}, bpfInstruction{op: bpfExit})
		for i := range rule {
			if rule[i].op == bpfJumpNotEqual { // to the next rule
				rule[i].offset = int16(len(rule) - i - 1)
			}
		}
		p = append(p, rule...)
	}
	return append(p, bpfInstruction{op: bpfMove, dst: result, imm: 0}, bpfInstruction{op: bpfExit})
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
	program, err := sys.LoadDeviceProgram("sandkit_devices", filterInstructions(rules).encode())
	if err != nil {
		return nil, filterError("load", err)
	}
	f := &deviceFilter{program}
	err = onDir(dir, func(fd int) error { return sys.AttachDeviceProgram(fd, program.Int()) })
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
	err := onDir(dir, func(fd int) error { return sys.DetachDeviceProgram(fd, f.program.Int()) })
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
	for _, refused := range []error{os.ErrPermission, syscall.EINVAL, syscall.ENOSYS, syscall.E2BIG} {
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
