//go:build !linux

package labtest

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }
