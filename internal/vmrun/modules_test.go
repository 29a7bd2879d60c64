//go:build linux

package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOrderModules(t *testing.T) {
	deps := map[string]string{
		"veth": "", "bridge": "stp llc", "stp": "llc", "llc": "",
		"nf_nat": "nf-conntrack libcrc32c", "nf_conntrack": "libcrc32c", "libcrc32c": "builtin",
		"loop_a": "loop_b", "loop_b": "loop_a",
	}
	files := map[string]string{}
	for name := range deps {
		files[name] = name
	}
	depends := func(file string) ([]string, error) { return strings.Fields(deps[file]), nil }
	for want, order := range map[string]string{
		"":                    "",
		"veth":                "veth",
		"veth veth":           "veth",
		"absent veth":         "veth",
		"bridge":              "llc stp bridge",
		"llc bridge":          "llc stp bridge",
		"nf-nat":              "libcrc32c nf_conntrack nf_nat",
		"nf_conntrack nf_nat": "libcrc32c nf_conntrack nf_nat",
		"loop_a":              "loop_b loop_a",
	} {
		mods, err := orderModules(files, strings.Fields(want), depends)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range mods {
			got = append(got, m.name)
		}
		if strings.Join(got, " ") != order {
			t.Errorf("%q: got %q, want %q", want, got, order)
		}
	}
	failing := errors.New("unreadable")
	_, err := orderModules(files, []string{"veth"}, func(string) ([]string, error) { return nil, failing })
	if !errors.Is(err, failing) {
		t.Errorf("got %v", err)
	}
}

// fakeModule is an ELF file with nothing but a .modinfo section.
func fakeModule(t *testing.T, info string) []byte {
	t.Helper()
	const names = "\x00.modinfo\x00.shstrtab\x00"
	head := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1,
		Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 2,
	}
	head.Shoff = uint64(64 + len(info) + len(names))
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: 64, Size: uint64(len(info))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: uint64(64 + len(info)), Size: uint64(len(names))},
	}
	var b bytes.Buffer
	for _, part := range []any{head, []byte(info), []byte(names), sections} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestFindModules(t *testing.T) {
	dir := t.TempDir()
	for name, info := range map[string]string{
		"br_netfilter.ko": "license=GPL\x00depends=bridge\x00name=br_netfilter\x00",
		"bridge.ko":       "depends=stp,llc-x\x00",
		"stp.ko":          "depends=\x00",
		"llc-x.ko":        "license=GPL\x00",
		"notes.txt":       "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), fakeModule(t, info), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mods, err := findModules(dir, []string{"br_netfilter", "notes"})
	if err != nil {
		t.Fatal(err)
	}
	want := []module{
		{"stp", filepath.Join(dir, "stp.ko")},
		{"llc_x", filepath.Join(dir, "llc-x.ko")},
		{"bridge", filepath.Join(dir, "bridge.ko")},
		{"br_netfilter", filepath.Join(dir, "br_netfilter.ko")},
	}
	if !slices.Equal(mods, want) {
		t.Errorf("got %v, want %v", mods, want)
	}

	if err := os.WriteFile(filepath.Join(dir, "stp.ko"), []byte("not ELF"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := findModules(dir, []string{"bridge"}); err == nil {
		t.Error("a broken module was taken")
	}
	if _, err := findModules(filepath.Join(dir, "none"), nil); err == nil {
		t.Error("a missing folder was taken")
	}
}
