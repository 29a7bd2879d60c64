//go:build !linux

package cgroup

func noSwap() bool { return true }
