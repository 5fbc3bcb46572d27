// Package joincmd has the command bootctl join.
package joincmd
