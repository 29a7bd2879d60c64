//go:build !linux

// Command probe runs on Linux only.
package main

func main() {}
