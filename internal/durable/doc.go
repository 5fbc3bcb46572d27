// Package durable writes files whole or not at all.
//
// A file is written to a temporary neighbour, synced, renamed over its final
// name, and the directory is synced, so that a crash or a kill at any moment
// leaves either the old file or the new one. What stands at the final name is
// never followed or written into: a rename replaces the name itself.
package durable
