package monitor

import _ "embed"

//go:embed monitor_amd64.elf
var elf []byte
