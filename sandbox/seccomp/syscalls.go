package seccomp

import (
	"slices"

	"github.com/elastic/go-seccomp-bpf/arch"
)

// The numbers of the system calls are those of go-seccomp-bpf v1.6.0, which
// are made from the headers of Linux 6.15. Its table for arm64 needs two
// corrections: it calls number 79 fstatat, which the kernel and everybody
// else call newfstatat, and it has the _time64 calls of 32-bit systems.

// newCall is a system call that the library does not have yet, with the same
// number on amd64 and arm64 unless said otherwise.
type newCall struct {
	name      string
	number    uint32
	amd64Only bool
}

// newCalls are from arch/x86/entry/syscalls/syscall_64.tbl and
// scripts/syscall.tbl of the kernel named.
var newCalls = [...]newCall{
	{name: "file_getattr", number: 468},            // Linux 6.17
	{name: "file_setattr", number: 469},            // Linux 6.17
	{name: "uprobe", number: 336, amd64Only: true}, // Linux 6.18
	{name: "listns", number: 470},                  // Linux 6.19
	{name: "rseq_slice_yield", number: 471},        // Linux 7.0
}

// time64First and time64Last bound the numbers that only 32-bit systems have.
const time64First, time64Last = 403, 423

// elsewhereNames are calls of architectures for which the library has no table,
// as far as profiles name them.
var elsewhereNames = [...]string{
	"riscv_flush_icache", "riscv_hwprobe", "s390_guarded_storage", "s390_pci_mmio_read",
	"s390_pci_mmio_write", "s390_runtime_instr", "s390_sthyi", "swapcontext", "sync_file_range2",
}

// number returns the number of the named call.
func (a *architecture) number(name string) (uint32, bool) {
	n, ok := a.calls[name]
	if !ok && name == "newfstatat" {
		n, ok = a.calls["fstatat"]
	}
	if ok {
		return uint32(n), n < time64First || n > time64Last
	}
	for i := range newCalls {
		if newCalls[i].name == name {
			return newCalls[i].number, a.x32 || !newCalls[i].amd64Only
		}
	}
	return 0, false
}

// knownAnywhere says whether any architecture has the named call.
func knownAnywhere(name string) bool {
	for _, info := range []*arch.Info{arch.X86_64, arch.AARCH64, arch.I386, arch.ARM} {
		if _, ok := info.SyscallNames[name]; ok {
			return true
		}
	}
	return slices.ContainsFunc(newCalls[:], func(c newCall) bool { return c.name == name }) ||
		slices.Contains(elsewhereNames[:], name)
}

// Unknown returns the names in the profile that goarch has no system call for,
// sorted. They are ignored, as Docker and libseccomp do: profiles list the
// calls of many architectures. With an empty goarch it returns the names that
// no architecture has, which are misspelt or newer than this package.
func (p Profile) Unknown(goarch string) ([]string, error) {
	known := knownAnywhere
	if goarch != "" {
		a, err := architectureOf(goarch)
		if err != nil {
			return nil, err
		}
		known = func(name string) bool { _, ok := a.number(name); return ok }
	}
	var unknown []string
	for _, r := range slices.Concat(p.rules(), p.edits.rules()) {
		for _, name := range r.names {
			if !known(name) {
				unknown = append(unknown, name)
			}
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown), nil
}
