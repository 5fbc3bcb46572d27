// Package cli is the base of all commands: their environment, the flags and client of the
// administrator's connection, help, printing, events and progress, prompts, usage errors,
// completion and the results of bulk commands. Code about tokens, cluster-info or CSRs that
// several commands share is in cmdutil.
package cli
