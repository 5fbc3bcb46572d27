// Package cmdutil has what the commands of several nouns share: flags and input about
// tokens, trust and cluster-info, and the names and texts that they print.
package cmdutil
