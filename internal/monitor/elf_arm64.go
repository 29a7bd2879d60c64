package monitor

import _ "embed"

//go:embed monitor_arm64.elf
var elf []byte
