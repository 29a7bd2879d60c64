package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/monitor"
	"github.com/sandkit/sandkit/ns"
)

// live is what other programs need to know of a detached sandbox. It is a file in
// the directory of its record.
type live struct {
	Spec     Spec           `json:"spec"` // with what the image says
	UID      uint32         `json:"uid"`
	GID      uint32         `json:"gid"`
	First    capability.Set `json:"first"`
	Outer    *ns.Mapping    `json:"outer,omitempty"`
	Inner    ns.Mapping     `json:"inner"`
	Single   bool           `json:"single,omitempty"`
	Stop     StopPolicy     `json:"stop"`
	LogPath  string         `json:"logPath,omitempty"`
	Started  time.Time      `json:"started"`
	Setup    time.Duration  `json:"setup"`
	Deadline time.Time      `json:"deadline,omitzero"` // when it is killed
	Force    Protections    `json:"force,omitempty"`
	Dirs     []monitor.Dir  `json:"dirs,omitempty"`
	Tree     string         `json:"tree,omitempty"`
	Group    string         `json:"group,omitempty"`
}

const (
	liveFile    = "live.json"
	longestLive = 32 << 20
)

// describe gives what others need to know.
func (s *Sandbox) describe(r *running) *live {
	b := &r.base
	l := &live{
		Spec: *b.spec, UID: b.uid, GID: b.gid, First: b.first, Outer: b.users.outer, Inner: b.users.inner, Single: b.users.single,
		Stop: r.stop, LogPath: s.kept.path, Started: r.started, Setup: r.setup, Force: r.force, Dirs: r.claim.dirs,
	}
	if s.spec.Timeout > 0 {
		l.Deadline = r.started.Add(s.spec.Timeout)
	}
	if r.group != nil {
		l.Tree, l.Group = r.group.room.group.Place()
		l.Dirs = groupDirs(r.group.room.group.Dirs())
	}
	return l
}

// groupDirs are the directories to remove: groups, then what they are in.
func groupDirs(groups []string) (all []monitor.Dir) {
	for _, d := range groups {
		all = append(all, monitor.Dir{Path: d, Own: true})
	}
	for _, d := range groups {
		all = append(all, monitor.Dir{Path: filepath.Dir(d)})
	}
	return all
}

// write puts it into a directory.
func (l *live) write(dir string) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	temp := filepath.Join(dir, liveFile+".new")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(dir, liveFile))
}

func readLive(dir string) (*live, error) {
	f, err := os.OpenFile(filepath.Join(dir, liveFile), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var l live
	if err := json.NewDecoder(io.LimitReader(f, longestLive)).Decode(&l); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return &l, nil
}

// running gives what a started sandbox holds, but for its process and streams.
func (l *live) running() (*running, error) {
	f, err := kernel.Detect()
	if err != nil {
		return nil, err
	}
	return &running{
		base: base{spec: &l.Spec, features: &f, users: users{outer: l.Outer, inner: l.Inner, single: l.Single}, uid: l.UID, gid: l.GID, first: l.First},
		stop: l.Stop, started: l.Started, setup: l.Setup, force: l.Force, group: l.reopen(), streams: &streams{},
	}, nil
}

// owners are those of the sandbox's files.
func (l *live) owners() owners {
	if l.Spec.HostUsers {
		return owners{}
	}
	m := users{inner: l.Inner, single: l.Single}.as(l.UID, l.GID)
	return owners{&m, l.Outer}
}

// reopen gives the cgroup; nil when there is none for this program.
func (l *live) reopen() *group {
	if l.Group == "" {
		return nil
	}
	host, err := cgroup.Detect()
	if err != nil {
		return nil
	}
	g, err := host.Reopen(l.Spec.CgroupParent, l.Tree, l.Group)
	if err != nil {
		return nil
	}
	return &group{room: &room{group: g}}
}

// claim is what an adopted sandbox needs to be kept.
type claim struct {
	held []*os.File
	dirs []monitor.Dir
}

// release lets go of it, and removes the directories if nothing is in them.
func (c *claim) release() {
	for _, d := range c.dirs {
		_ = os.Remove(d.Path) // the next who collects removes it otherwise
	}
	for _, f := range c.held {
		f.Close()
	}
	*c = claim{}
}
