// Package labcmd contains the commands that run a control plane on this machine, one file
// for each verb.
package labcmd
