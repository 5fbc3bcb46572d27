// Package joincmd contains the command bootctl join.
package joincmd
