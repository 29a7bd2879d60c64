package erofs

const chunkSize = 64 << 10 // of inodes, unless a block is larger

// chunk is the run of blocks that takes inodes until it is full. Another is
// reserved then, further on in the image, so that inodes are not far from the
// content but content is written in large pieces.
type chunk struct {
	s     *stream
	buf   []byte // the blocks
	at    int64  // where they are in the image
	used  []int  // bytes by block
	total int    // of all chunks until now, at most chunkSize
}

// add puts inode, attributes and the inlined end of the content into one
// block. It gives the inode's place.
func (c *chunk) add(e *extended, xattrs, tail []byte) (int64, error) {
	need := roundUp(extendedSize+len(xattrs)+len(tail), slotSize)
	if need > c.s.block {
		return c.addLarge(e, xattrs)
	}
	block := c.fit(need)
	if block < 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
		block = 0
	}
	at := block*c.s.block + c.used[block]
	c.used[block] += need
	b := c.buf[at:]
	e.put(b)
	b = b[extendedSize:]
	copy(b[copy(b, xattrs):], tail)
	return c.at + int64(at), nil
}

// fit finds the block with the least room that is enough.
func (c *chunk) fit(need int) int {
	best := -1
	for i, used := range c.used {
		if used+need <= c.s.block && (best < 0 || used > c.used[best]) {
			best = i
		}
	}
	return best
}

// next reserves a chunk: as many bytes as all until now have, so that small
// images stay small.
func (c *chunk) next() error {
	if err := c.put(); err != nil {
		return err
	}
	size := max(c.s.block, min(c.total, chunkSize))
	c.total = min(c.total+size, chunkSize)
	at, err := c.s.reserve(size)
	if err != nil {
		return err
	}
	if cap(c.buf) < size {
		c.buf = make([]byte, size)
		c.used = make([]int, size/c.s.block)
	}
	c.at, c.buf, c.used = at, c.buf[:size], c.used[:size/c.s.block]
	clear(c.buf)
	clear(c.used)
	return nil
}

// put writes the chunk to its place.
func (c *chunk) put() error {
	if len(c.buf) == 0 {
		return nil
	}
	return c.s.patch(c.at, c.buf)
}

// finish writes the chunk. Blocks at its end that are empty are given back if
// nothing follows them.
func (c *chunk) finish() error {
	if err := c.put(); err != nil {
		return err
	}
	if c.at >= c.s.begin && c.at+int64(len(c.buf)) == c.s.end() {
		for i := len(c.used) - 1; i >= 0 && c.used[i] == 0; i-- {
			c.s.n -= c.s.block
		}
	}
	c.buf = nil
	return nil
}

// patch replaces bytes of any inode.
func (c *chunk) patch(at int64, b []byte) error {
	if at >= c.at && at < c.at+int64(len(c.buf)) {
		copy(c.buf[at-c.at:], b)
		return nil
	}
	return c.s.patch(at, b)
}

// addLarge puts an inode whose attributes need more than a block into blocks
// of its own.
func (c *chunk) addLarge(e *extended, xattrs []byte) (int64, error) {
	at := c.s.end()
	b := make([]byte, roundUp(extendedSize+len(xattrs), c.s.block))
	e.put(b)
	copy(b[extendedSize:], xattrs)
	return at, c.s.write(b)
}
