//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// addBase adds the folders that any system has. It comes first, for its modes
// are not those of folders that are made on the way to a file.
func (t *tree) addBase(uid int) error {
	dirs := []entry{
		{name: "/root", mode: 0o700},
		{name: "/tmp", mode: 0o1777},
		{name: "/var/tmp", mode: 0o1777},
		{name: userHome, mode: 0o755, owner: testUser(uid)},
	}
	for _, d := range []string{"/proc", "/sys", "/dev", "/run", "/mnt", "/etc", "/var/lib"} {
		dirs = append(dirs, entry{name: d, mode: 0o755})
	}
	for _, d := range dirs {
		if err := t.addDir(d.name, d.mode, d.owner); err != nil {
			return err
		}
	}
	if err := t.addLink("/etc/mtab", "/proc/self/mounts"); err != nil {
		return err
	}
	return t.addLink("/var/run", "/run")
}

// addEtc adds what programs expect in /etc. It comes after the user's files,
// which go before.
func (t *tree) addEtc(uid int) error {
	for name, text := range etcFiles(testUser(uid)) {
		if err := t.addData("/etc/"+name, 0o644, []byte(text)); err != nil {
			return err
		}
	}
	// Libraries lie where the host has them, so the host's index is right.
	const cache = "/etc/ld.so.cache"
	if err := t.addFile(cache, cache, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// testUser is the id of the ordinary user, which tests that drop their
// privileges use also when -uid does not.
func testUser(uid int) int {
	if uid == 0 {
		return 1000
	}
	return uid
}

// etcFiles are the contents of /etc by name.
func etcFiles(uid int) map[string]string {
	ids := "root:200000:65536\n" + userName + ":100000:65536\n"
	return map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/sh\n" +
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" +
			fmt.Sprintf("%s:x:%d:%d:%s:%s:/bin/sh\n", userName, uid, uid, userName, userHome),
		"group":         fmt.Sprintf("root:x:0:\ntty:x:5:\nnogroup:x:65534:\n%s:x:%d:\n", userName, uid),
		"subuid":        ids,
		"subgid":        ids,
		"hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"resolv.conf":   "",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
		"os-release":    "ID=vmrun\nNAME=vmrun\n",
	}
}

// addOutputs adds the folders that the program writes its outputs to, for any
// user.
func (t *tree) addOutputs(out *outputs) error {
	if err := t.addDir(outDir, 0o1777, 0); err != nil {
		return err
	}
	for _, p := range out.paths {
		if !p.dir {
			continue
		}
		if err := t.addDir(outDir+"/"+p.name, 0o1777, 0); err != nil {
			return err
		}
		if err := os.MkdirAll(p.host, 0o755); err != nil {
			return fmt.Errorf("make output folder: %w", err)
		}
	}
	return nil
}
