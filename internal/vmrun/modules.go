//go:build linux

package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// defaultModules is what a sandbox can need. Nothing in the machine loads a
// module later: there is no modprobe.
const defaultModules = "virtio_pci virtio_console virtio_blk ext4 " +
	"overlay fuse loop squashfs erofs " +
	"veth bridge br_netfilter tun macvlan ipvlan dummy ifb 8021q " +
	"nf_tables nfnetlink nf_conntrack nf_conntrack_netlink nf_nat nft_chain_nat nft_nat nft_masq nft_redir nft_ct " +
	"nft_reject nft_reject_inet nft_reject_ipv4 nft_log nft_limit nft_fib nft_fib_inet nft_counter nft_objref " +
	"nft_compat nft_socket nft_tproxy nft_hash nft_numgen nft_quota " +
	"x_tables ip_tables iptable_filter iptable_nat xt_MASQUERADE xt_conntrack xt_comment xt_addrtype xt_nat xt_mark " +
	"xt_tcpudp xt_multiport " +
	"sch_htb sch_tbf sch_ingress sch_netem cls_u32 cls_matchall cls_bpf act_police act_mirred " +
	"unix_diag inet_diag tcp_diag"

// module is a kernel module's name and file.
type module struct {
	name string
	file string
}

// findModules returns the wanted modules of a folder, dependencies first.
func findModules(dir string, want []string) ([]module, error) {
	files, err := moduleFiles(dir)
	if err != nil {
		return nil, err
	}
	return orderModules(files, want, moduleDepends)
}

// moduleName is the kernel's spelling: file names have '-' where it has '_'.
func moduleName(s string) string { return strings.ReplaceAll(s, "-", "_") }

// moduleFiles maps the names of a folder's modules to their files.
func moduleFiles(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if base, ok := strings.CutSuffix(filepath.Base(p), ".ko"); ok {
			files[moduleName(base)] = p
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	return files, nil
}

// orderModules returns the wanted modules, each after those that it depends
// on. Names without a file are left out: they are built in, or of another
// kernel version.
func orderModules(files map[string]string, want []string, depends func(file string) ([]string, error)) ([]module, error) {
	var order []module
	seen := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		name = moduleName(name)
		file, ok := files[name]
		if !ok || seen[name] {
			return nil
		}
		seen[name] = true
		deps, err := depends(file)
		if err != nil {
			return fmt.Errorf("read dependencies of module %s: %w", name, err)
		}
		for _, d := range deps {
			if err := visit(d); err != nil {
				return err
			}
		}
		order = append(order, module{name, file})
		return nil
	}
	for _, name := range want {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// moduleDepends reads a module's dependencies from its file, which saves the
// index that depmod would have to make.
func moduleDepends(file string) (deps []string, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open module: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, errors.New("no .modinfo section")
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("read .modinfo: %w", err)
	}
	return parseDepends(info), nil
}

// parseDepends finds "depends=a,b" among a .modinfo section's NUL-ended pairs.
func parseDepends(info []byte) []string {
	for pair := range strings.SplitSeq(string(info), "\x00") {
		if v, ok := strings.CutPrefix(pair, "depends="); ok && v != "" {
			return strings.Split(v, ",")
		}
	}
	return nil
}
