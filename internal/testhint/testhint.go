// Package testhint checks the hints that are printed with errors and findings.
package testhint

import "regexp"

// command matches a command that can be pasted: a program, and its subcommand or first
// argument.
var command = regexp.MustCompile(`\bbootctl (token|cluster-info|csr|join|setup|doctor|lab|COMMAND)\b` +
	`|\b(kubectl|systemctl|journalctl|kubeadm|timedatectl|curl|make|pgrep|export) [-a-zA-Z]|\btimedatectl$`)

// HasCommand reports whether the hint contains a complete command.
func HasCommand(hint string) bool { return command.MatchString(hint) }
