// Package lintcheck holds the test that .golangci.yml catches what it is meant
// to catch: it plants one violation of each rule in a skeleton of this module
// and wants the rule's linter, and no other, to report it.
//
// The test needs golangci-lint, so it has a build tag, and GOLANGCI holds the command
// to start it with, as under make lint. It needs no network: the other modules
// are stubs in a vendor directory.
package lintcheck
