// Package cmdutil has code for the commands of several nouns: flags and input for tokens,
// trust and cluster-info, and the names and texts that the commands print.
package cmdutil
