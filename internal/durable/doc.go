// Package durable writes files completely or not at all.
//
// A file is written to a temporary file in the same directory, synced and renamed to its
// final name, and the directory is synced, so that a crash at any time leaves either the
// old file or the new one. An existing file or link at the final name is never followed
// or written to: the rename replaces the name itself.
package durable
