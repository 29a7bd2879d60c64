package sys

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's numbers for projects and their quotas (linux/fs.h, linux/quota.h),
// which x/sys does not have.
const (
	fsGetXattr     = 0x801c581f // FS_IOC_FSGETXATTR
	fsSetXattr     = 0x401c5820 // FS_IOC_FSSETXATTR
	projectInherit = 0x200      // FS_XFLAG_PROJINHERIT
	projectQuota   = 2          // PRJQUOTA
	getQuota       = 0x800007   // Q_GETQUOTA
	setQuota       = 0x800008   // Q_SETQUOTA
	blockLimits    = 1          // QIF_BLIMITS
	quotaBlock     = 1024       // QIF_DQBLKSIZE
)

// fsxattr is the kernel's struct of that name.
type fsxattr struct {
	flags, extent, extents, project, cow uint32
	_                                    [8]byte
}

// dqblk is the kernel's struct if_dqblk.
type dqblk struct {
	blockHard, blockSoft, space, inodeHard, inodeSoft, inodes, blockTime, inodeTime uint64
	valid                                                                           uint32
	_                                                                               uint32
}

// Project gives the project that a file or directory belongs to; 0 is none.
func Project(f *os.File) (uint32, error) {
	var x fsxattr
	err := onFD(f, "ioctl FS_IOC_FSGETXATTR", func(fd int) error { return ioctl(fd, fsGetXattr, unsafe.Pointer(&x)) })
	return x.project, err
}

// SetProject gives a directory, and what is made in it, to a project.
func SetProject(f *os.File, project uint32) error {
	var x fsxattr
	err := onFD(f, "ioctl FS_IOC_FSGETXATTR", func(fd int) error { return ioctl(fd, fsGetXattr, unsafe.Pointer(&x)) })
	if err != nil {
		return err
	}
	x.project, x.flags = project, x.flags|projectInherit
	return onFD(f, "ioctl FS_IOC_FSSETXATTR", func(fd int) error { return ioctl(fd, fsSetXattr, unsafe.Pointer(&x)) })
}

// ProjectQuota gives the bytes that a project uses, and may use at most, on a
// file's file system (quotactl_fd, Linux 5.14); 0 is no limit.
func ProjectQuota(f *os.File, project uint32) (used, limit uint64, err error) {
	var q dqblk
	err = quotactl(f, getQuota, project, &q)
	return q.space, q.blockHard * quotaBlock, err
}

// SetProjectQuota limits the bytes of a project.
func SetProjectQuota(f *os.File, project uint32, limit uint64) error {
	blocks := (limit + quotaBlock - 1) / quotaBlock
	return quotactl(f, setQuota, project, &dqblk{blockHard: blocks, blockSoft: blocks, valid: blockLimits})
}

func quotactl(f *os.File, command uint, project uint32, q *dqblk) error {
	return onFD(f, "quotactl_fd", func(fd int) error {
		_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, uintptr(fd), uintptr(command<<8|projectQuota), uintptr(project), uintptr(unsafe.Pointer(q)), 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
