package cgroup

import "math"

// Bounds of weights on v2 and of shares on v1.
const (
	minWeight, maxWeight = 1, 10_000
	minShares, maxShares = 2, 262_144
)

// Shares gives the v1 CPU shares that weigh as much as a CPUWeight: the kernel
// computes with the same number for both (cpu_weight_write_u64: weight × 1024
// / 100). Zero stays zero; 100 is 1024.
func Shares(weight uint64) uint64 {
	if weight == 0 {
		return 0
	}
	weight = min(max(weight, minWeight), maxWeight)
	return max((weight*1024+50)/100, minShares)
}

// WeightOfShares gives the CPUWeight for a number of v1 shares as Docker and
// the OCI count them. It follows runc since 1.4: a curve through (2, 1),
// (1024, 100) and (262144, 10000), so that the whole range of shares is used
// and the default stays the default. Zero stays zero.
func WeightOfShares(shares uint64) uint64 {
	switch {
	case shares == 0:
		return 0
	case shares <= minShares:
		return minWeight
	case shares >= maxShares:
		return maxWeight
	}
	l := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

// bfqWeight gives what the BFQ scheduler, whose range ends at 1,000, has for an
// IOWeight: runc's formula, the other way round. 100 stays 100.
func bfqWeight(weight uint64) uint64 {
	if weight <= 100 {
		return max(weight, 1)
	}
	return 100 + (min(weight, maxWeight)-100)*900/9900
}
