package failure

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// is returns a condition that holds for errors that match one of the targets.
func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
}

// as reports whether err is of the type T, or wraps one.
func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// anyOf returns a condition that holds where one of the conditions does.
func anyOf(conditions ...func(error) bool) func(error) bool {
	return func(err error) bool {
		for _, condition := range conditions {
			if condition(err) {
				return true
			}
		}
		return false
	}
}

// except returns a condition that holds where one does and the other does not.
func except(condition, other func(error) bool) func(error) bool {
	return func(err error) bool { return condition(err) && !other(err) }
}

// statusKind is what an error of the API server means.
type statusKind int

const (
	noStatus statusKind = iota
	unauthorized
	forbidden
	conflict
	unavailable
	refused
)

// status returns a condition that holds for errors of the API server of that kind.
// An error is of one kind.
func status(kind statusKind) func(error) bool {
	return func(err error) bool { return statusOf(err) == kind }
}

func statusOf(err error) statusKind {
	var status apierrors.APIStatus
	switch {
	case !errors.As(err, &status):
		return noStatus
	case apierrors.IsUnauthorized(err):
		return unauthorized
	case kubeclient.IsForbiddenByRBAC(err):
		return forbidden
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return conflict
	case kubeclient.IsServerError(err):
		return unavailable
	}
	return refused
}
