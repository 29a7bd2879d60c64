package volume

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"syscall"

	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
)

// limit sets the size limit of a new, empty directory: it becomes a project, and
// that gets a quota.
func (s *Store) limit(dir string, v *Volume) error {
	if v.SizeLimit == 0 {
		return nil
	}
	err := s.onDir(dir, func(f *os.File) error { return limitDir(f, uint64(v.SizeLimit)) })
	if err == nil || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) {
		return err
	}
	return &kernel.NotSupportedError{
		Feature: fmt.Sprintf("size limit of volume %s", v.Name), Since: "5.14", Err: err,
		Hint: "it takes root and ext4 or XFS mounted with the option prjquota; leave it out, or use fs.Tmpfs, or a file system of its own for the store",
	}
}

// firstProject is where the projects of volumes begin, far from what people
// choose.
const firstProject = 1 << 30

// limitDir gives a directory to a project that nobody uses.
func limitDir(f *os.File, bytes uint64) error {
	const attempts = 16
	for range attempts {
		project := firstProject + rand.Uint32N(firstProject)
		used, limit, err := sys.ProjectQuota(f, project)
		if err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
		if used > 0 || limit > 0 {
			continue
		}
		if err := sys.SetProjectQuota(f, project, bytes); err != nil {
			return err
		}
		if err := sys.SetProject(f, project); err != nil {
			return errors.Join(err, sys.SetProjectQuota(f, project, 0))
		}
		// Some file systems take it all and do nothing.
		is, err := sys.Project(f)
		if err != nil {
			return err
		}
		if _, limit, err := sys.ProjectQuota(f, project); err != nil || is != project || limit < bytes {
			return errors.Join(errors.New("the limit is not in force"), err)
		}
		return nil
	}
	return errors.New("no project is free")
}

// sameLimit gives a directory to the project of a volume's content.
func (s *Store) sameLimit(dir string, v *Volume) error {
	if v.SizeLimit == 0 {
		return nil
	}
	var project uint32
	err := s.onDir(volumePath(v.Name, contentDir), func(f *os.File) (err error) {
		project, err = sys.Project(f)
		return err
	})
	if err != nil {
		return err
	}
	return s.onDir(dir, func(f *os.File) error { return sys.SetProject(f, project) })
}

// limited gives the project of what is in the trash; 0 is none.
func (s *Store) limited(trash string) uint32 {
	var project uint32
	err := s.onDir(path.Join(trash, contentDir), func(f *os.File) (err error) {
		project, err = sys.Project(f)
		return err
	})
	if err != nil || project < firstProject {
		return 0
	}
	return project
}

// unlimit takes a project's quota away, when nothing is left of it.
func (s *Store) unlimit(project uint32) error {
	if project == 0 {
		return nil
	}
	return s.onDir(trashDir, func(f *os.File) error {
		used, limit, err := sys.ProjectQuota(f, project)
		if err != nil || limit == 0 || used > 0 {
			return nil //nolint:nilerr // then there is none, or it is somebody else's
		}
		return sys.SetProjectQuota(f, project, 0)
	})
}

func (s *Store) onDir(dir string, do func(*os.File) error) error {
	f, err := s.files.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(f)
}
