// Package setupcmd contains the command that prepares a cluster for TLS bootstrapping.
package setupcmd
