package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Controllers returns the controllers that a lab runs, by the short names that
// kube-controller-manager accepts in --controllers.
func Controllers() []string {
	return []string{"bootstrapsigner", "tokencleaner", "csrapproving", "csrsigning", "csrcleaner"}
}

// LongName returns kube-controller-manager's own name for a short one, or "".
// The names come from k8s.io/kubernetes/cmd/kube-controller-manager/names.
func LongName(short string) string {
	switch short {
	case "bootstrapsigner":
		return "bootstrap-signer-controller"
	case "tokencleaner":
		return "token-cleaner-controller"
	case "csrapproving":
		return "certificatesigningrequest-approving-controller"
	case "csrsigning":
		return "certificatesigningrequest-signing-controller"
	case "csrcleaner":
		return "certificatesigningrequest-cleaner-controller"
	}
	return ""
}

// An UnknownControllerError means that a lab has no controller of that name.
type UnknownControllerError struct{ Name string }

func (e *UnknownControllerError) Error() string {
	return fmt.Sprintf("no controller %q; there are %s", e.Name, strings.Join(Controllers(), ", "))
}

// Except returns the short names of the controllers left without the named
// ones, which may be given by short or long name. It returns an
// *UnknownControllerError.
func Except(without []string) ([]string, error) {
	left := Controllers()
	for _, name := range without {
		is := func(short string) bool { return short == name || LongName(short) == name }
		if !slices.ContainsFunc(Controllers(), is) {
			return nil, &UnknownControllerError{Name: name}
		}
		left = slices.DeleteFunc(left, is)
	}
	return left, nil
}
