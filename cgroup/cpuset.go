package cgroup

import (
	"fmt"
	"strconv"
	"strings"
)

// maxSetBit bounds the numbers in a list: more than any kernel is built for.
const maxSetBit = 1 << 16

// checkSet makes sure that s is a list of numbers and ranges, "0-3,7", as the
// kernel reads it.
func checkSet(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.ParseUint(first, 10, 32)
		b := a
		if err == nil && isRange {
			b, err = strconv.ParseUint(last, 10, 32)
		}
		if err != nil || b < a || b >= maxSetBit {
			return fmt.Errorf("%q is not a number or a range of numbers", part)
		}
	}
	return nil
}
