package erofs

import (
	"encoding/binary"
	"hash/crc32"
)

// What the format fixes. All numbers on disk are little-endian.
const (
	superOffset   = 1024
	superSize     = 128
	superMagic    = 0xE0F5E1E2
	headerSize    = 4096 // what the Writer keeps for superblock and root inode
	slotSize      = 32   // an inode's number counts these
	compactSize   = 32
	extendedSize  = 64
	direntSize    = 12
	rootOffset    = superOffset + superSize // a multiple of slotSize
	minBlockBits  = 9
	maxBlockBits  = 16
	maxBlocks     = 1<<32 - 1 // the last block address means none
	maxName       = 255
	maxLink       = 4095 // PATH_MAX without its NUL
	maxMajor      = 1<<12 - 1
	maxMinor      = 1<<20 - 1
	volumeNameLen = 16

	compatChecksum = 1 << 0
	compatMtime    = 1 << 1
	// Set by other writers for compressed files; those are refused one by one.
	incompatZeroPadding = 1 << 0

	layoutPlain  = 0 // all content in blocks
	layoutInline = 2 // the last part of a block's size follows the inode
)

// File types, as in st_mode.
const (
	typeMask    = 0o170000
	typeSocket  = 0o140000
	typeSymlink = 0o120000
	typeRegular = 0o100000
	typeBlock   = 0o060000
	typeDir     = 0o040000
	typeChar    = 0o020000
	typeFIFO    = 0o010000
)

// direntTypes are the types in directories, by the upper four bits of st_mode.
var direntTypes = [16]uint8{
	typeRegular >> 12: 1, typeDir >> 12: 2, typeChar >> 12: 3, typeBlock >> 12: 4,
	typeFIFO >> 12: 5, typeSocket >> 12: 6, typeSymlink >> 12: 7,
}

var le = binary.LittleEndian

// super is the superblock.
type super struct {
	blockBits  uint8
	rootNID    uint16
	inodes     uint64
	buildTime  uint64
	buildNsec  uint32
	blocks     uint32
	metaBlock  uint32 // inode 0 is at its begin
	xattrBlock uint32
	uuid       [16]byte
	volume     [volumeNameLen]byte
	compat     uint32
	incompat   uint32
	checksum   uint32
}

func (s *super) put(b []byte) {
	le.PutUint32(b, superMagic)
	le.PutUint32(b[4:], s.checksum)
	le.PutUint32(b[8:], s.compat)
	b[12] = s.blockBits
	le.PutUint16(b[14:], s.rootNID)
	le.PutUint64(b[16:], s.inodes)
	le.PutUint32(b[36:], s.blocks)
	le.PutUint32(b[40:], s.metaBlock)
	le.PutUint32(b[44:], s.xattrBlock)
	copy(b[48:], s.uuid[:])
	copy(b[64:], s.volume[:])
	le.PutUint32(b[80:], s.incompat)
}

func (s *super) get(b []byte) (magic uint32) {
	s.checksum = le.Uint32(b[4:])
	s.compat = le.Uint32(b[8:])
	s.blockBits = b[12]
	s.rootNID = le.Uint16(b[14:])
	s.inodes = le.Uint64(b[16:])
	s.buildTime = le.Uint64(b[24:])
	s.buildNsec = le.Uint32(b[32:])
	s.blocks = le.Uint32(b[36:])
	s.metaBlock = le.Uint32(b[40:])
	s.xattrBlock = le.Uint32(b[44:])
	copy(s.uuid[:], b[48:])
	copy(s.volume[:], b[64:])
	s.incompat = le.Uint32(b[80:])
	return le.Uint32(b)
}

// checksum is that of a superblock and what follows it in its block. The field
// for it has to be zero.
func checksum(b []byte) uint32 {
	return ^crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

// checksumSize is how many bytes from the superblock on are summed.
func checksumSize(blockSize int) int {
	if blockSize > superOffset {
		return blockSize - superOffset
	}
	return blockSize
}

// extended is an inode in its long form.
type extended struct {
	layout    int
	xattrSize int
	mode      uint16
	size      uint64
	where     uint32 // first block, or device
	ino       uint32
	uid, gid  uint32
	mtime     uint64
	nsec      uint32
	nlink     uint32
}

const nlinkOffset = 44

func (e *extended) put(b []byte) {
	le.PutUint16(b, uint16(1|e.layout<<1))
	le.PutUint16(b[2:], xattrCount(e.xattrSize))
	le.PutUint16(b[4:], e.mode)
	le.PutUint64(b[8:], e.size)
	le.PutUint32(b[16:], e.where)
	le.PutUint32(b[20:], e.ino)
	le.PutUint32(b[24:], e.uid)
	le.PutUint32(b[28:], e.gid)
	le.PutUint64(b[32:], e.mtime)
	le.PutUint32(b[40:], e.nsec)
	le.PutUint32(b[nlinkOffset:], e.nlink)
}

// xattrCount is how an inode tells the size of its attributes.
func xattrCount(size int) uint16 {
	if size == 0 {
		return 0
	}
	return uint16((size-xattrHeader)/4 + 1)
}

func roundUp[T int | int64](n, to T) T { return (n + to - 1) / to * to }
