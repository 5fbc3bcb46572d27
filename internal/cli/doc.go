// Package cli is what all commands share: their environment, the flags and client of
// the administrator's connection, printing, events and progress, prompts, usage
// errors, completion and the results of bulk commands. It knows no noun: what the
// commands of several nouns share lives in cmdutil.
package cli
