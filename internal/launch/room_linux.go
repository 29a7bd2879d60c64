package launch

import (
	"errors"
	"fmt"
	"os"
)

// A Room is what one launcher is started in: a cgroup that nothing else is in.
type Room interface {
	// Open gives what it takes to be in it: a directory of cgroup v2 for clone3
	// with CLONE_INTO_CGROUP (Linux 5.7), nil for none, and the files to which the
	// Program's first passed descriptors write "0", which are as many as
	// Rooms.Files. They are closed when the launcher has them.
	Open() (dir *os.File, files []*os.File, err error)
	// Discard removes it when nothing is left in it.
	Discard() error
}

// Rooms makes rooms that are all alike, as long as nobody has settled in them.
type Rooms struct {
	// Key is the same for Rooms that can stand in for each other.
	Key string
	// Files is how many files a Room has; the Program passes them first.
	Files int
	// New makes a Room.
	New func() (Room, error)
	// Settle is called once it is known in which Room the Program is, before
	// anything but the prelude is executed. Only the one of the last call
	// counts. When Start has returned without an error, it is the caller's.
	Settle func(Room) error
}

func (r *Rooms) key() string {
	if r == nil {
		return ""
	}
	return r.Key
}

func (r *Rooms) files() int {
	if r == nil {
		return 0
	}
	return r.Files
}

// enter makes the room and opens it.
func (r *Rooms) enter(p *Process) (dir *os.File, files []*os.File, err error) {
	if r == nil {
		return nil, nil, nil
	}
	if p.room, err = r.New(); err != nil {
		p.room = nil // not an interface with nothing in it
		return nil, nil, err
	}
	dir, files, err = p.room.Open()
	if err == nil && len(files) != r.Files {
		err = fmt.Errorf("BUG: room has %d files, want %d", len(files), r.Files)
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeAll(dir, files))
	}
	return dir, files, nil
}

// settle tells the caller which room it is.
func (r *Rooms) settle(p *Process) error {
	if r == nil {
		return nil
	}
	return r.Settle(p.room)
}

// leave gives the room of a launcher up that is gone.
func (p *Process) leave() error {
	if p.room == nil {
		return nil
	}
	room := p.room
	p.room = nil
	return room.Discard()
}

func closeAll(dir *os.File, files []*os.File) error {
	var errs []error
	if dir != nil {
		errs = append(errs, dir.Close())
	}
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
