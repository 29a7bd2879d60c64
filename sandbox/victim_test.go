package sandbox_test

import "strconv"

const victimArg = "-victim"

func victim(args []string) {}

func itoa(n int) string { return strconv.Itoa(n) }
