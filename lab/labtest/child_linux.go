package labtest

import "syscall"

// childAttributes make a child die with its parent, however that dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
