// Package setupcmd has the command that prepares a cluster for TLS bootstrapping.
package setupcmd
