package kubeclient

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
)

// MissingPermissionError means that the caller lacks permissions.
type MissingPermissionError struct {
	// Missing has a sentence for each missing permission: the API server's own, if it
	// returned one.
	Missing []string
}

func (e *MissingPermissionError) Error() string { return strings.Join(e.Missing, "; ") }

// CanI reports whether the caller has all of the permissions. Their Version is ignored.
//
// Access: create on selfsubjectaccessreviews, which every user has.
func CanI(ctx context.Context, client authorizationv1client.SelfSubjectAccessReviewsGetter, permissions ...authorizationv1.ResourceAttributes) (bool, error) {
	return allowed("the current user", permissions, func(permission *authorizationv1.ResourceAttributes) (bool, error) {
		spec := authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: permission}
		review, err := client.SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	})
}

// Can reports whether a user who is in exactly these groups has all of the permissions.
// An empty user means any member of the groups. The Version of the permissions is
// ignored.
//
// Access: create on subjectaccessreviews.
func Can(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, user string, groups []string, permissions ...authorizationv1.ResourceAttributes) (bool, error) {
	return allowed(cmp.Or(user, strings.Join(groups, ", ")), permissions, func(permission *authorizationv1.ResourceAttributes) (bool, error) {
		spec := authorizationv1.SubjectAccessReviewSpec{User: user, Groups: groups, ResourceAttributes: permission}
		review, err := client.SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	})
}

// allowed reports whether review allows all of the permissions.
func allowed(subject string, permissions []authorizationv1.ResourceAttributes, review func(*authorizationv1.ResourceAttributes) (bool, error)) (bool, error) {
	for _, permission := range permissions {
		permission.Version = "*"
		yes, err := review(&permission)
		if err != nil {
			return false, fmt.Errorf("check the permissions of %s: %w", subject, err)
		}
		if !yes {
			return false, nil
		}
	}
	return true, nil
}
