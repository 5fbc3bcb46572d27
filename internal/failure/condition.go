package failure

import (
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// condition reports whether a row applies to an error, or to an error that it wraps.
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

// asWith returns a condition that holds for errors of the type T for which isTrue does.
func asWith[T error](isTrue func(T) bool) condition {
	return func(err error) bool {
		found, ok := errors.AsType[T](err)
		return ok && isTrue(found)
	}
}

// anyOf returns a condition that holds if any of the conditions does.
func anyOf(conditions ...condition) condition {
	return func(err error) bool {
		return slices.ContainsFunc(conditions, func(holds condition) bool { return holds(err) })
	}
}

// except returns a condition that holds if holds does and other does not.
func except(holds, other condition) condition {
	return func(err error) bool { return holds(err) && !other(err) }
}

// hasReason reports whether the reason in an API server's error has a row, which then takes
// precedence over its code.
func hasReason(err error) bool {
	return apierrors.IsUnauthorized(err) || kubeclient.IsForbiddenByRBAC(err) || kubeclient.IsConflict(err)
}

// signatureIs returns a condition for signatures that an administrator's command found in
// the state.
func signatureIs(state string) condition {
	return asWith(func(s *clusterinfo.SignatureError) bool { return s.State == state })
}

// gaveUp returns a condition for a lab whose server reported one of the reasons and
// exited.
func gaveUp(reasons ...string) condition {
	return asWith(func(s *lab.StartError) bool { return slices.Contains(reasons, s.Reason) })
}
