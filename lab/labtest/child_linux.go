package labtest

import "syscall"

// childAttributes kill a child when its parent exits for any reason.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
