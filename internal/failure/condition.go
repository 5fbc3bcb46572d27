package failure

import (
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// condition reports whether a row is for an error, or for one that it wraps.
type condition func(error) bool

// is returns a condition that holds for errors that match one of the targets.
func is(targets ...error) condition {
	return func(err error) bool {
		return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
	}
}

// as reports whether err is of the type T, or wraps one.
func as[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// asWith returns a condition that holds for errors of the type T of which that is true.
func asWith[T error](isTrue func(T) bool) condition {
	return func(err error) bool {
		found, ok := errors.AsType[T](err)
		return ok && isTrue(found)
	}
}

// anyOf returns a condition that holds where one of the conditions does.
func anyOf(conditions ...condition) condition {
	return func(err error) bool {
		return slices.ContainsFunc(conditions, func(holds condition) bool { return holds(err) })
	}
}

// except returns a condition that holds where one does and the other does not.
func except(holds, other condition) condition {
	return func(err error) bool { return holds(err) && !other(err) }
}

// hasReason reports whether the reason in an error of the API server has a row, which
// then counts more than its code.
func hasReason(err error) bool {
	return apierrors.IsUnauthorized(err) || kubeclient.IsForbiddenByRBAC(err) || kubeclient.IsConflict(err)
}

// signatureIs returns a condition for signatures that an administrator found to be in
// the state.
func signatureIs(state string) condition {
	return asWith(func(s *clusterinfo.SignatureError) bool { return s.State == state })
}

// gaveUp returns a condition for a lab whose server gave up for one of the reasons, as it
// said them.
func gaveUp(reasons ...string) condition {
	return asWith(func(s *lab.StartError) bool { return slices.Contains(reasons, s.Reason) })
}
