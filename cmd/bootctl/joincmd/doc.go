// Package joincmd has the command that joins this machine to a cluster.
package joincmd
