package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/component-helpers/auth/rbac/validation"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// missingPermissions collects missing permissions without duplicates.
type missingPermissions struct{ missing []string }

// note records an error about missing permissions, and returns any other error.
func (r *missingPermissions) note(err error) error {
	var denied *kubeclient.MissingPermissionError
	var status apierrors.APIStatus
	var found []string
	switch {
	case errors.As(err, &denied):
		found = denied.Missing
	case kubeclient.IsForbiddenByRBAC(err) && errors.As(err, &status):
		found = []string{strings.Join(strings.Fields(status.Status().Message), " ")}
	default:
		return err
	}
	for _, one := range found {
		if !slices.Contains(r.missing, one) {
			r.missing = append(r.missing, one)
		}
	}
	return nil
}

func (r *missingPermissions) err() error {
	if len(r.missing) == 0 {
		return nil
	}
	return fmt.Errorf("permissions are missing, and nothing was changed: %w", &kubeclient.MissingPermissionError{Missing: r.missing})
}

// canBind returns an [*kubeclient.MissingPermissionError] unless the caller may bind a
// role that does not exist yet, which the API server cannot check in a dry run: the
// caller needs the verb bind on the role, or all permissions of the role.
func (s Setup) canBind(ctx context.Context, bound, role Object) error {
	bind := authorizationv1.ResourceAttributes{
		Group: rbacv1.GroupName, Verb: "bind", Resource: strings.ToLower(role.Kind) + "s", Namespace: role.Namespace, Name: role.Name,
	}
	for _, enough := range [][]authorizationv1.ResourceAttributes{{bind}, role.Permissions()} {
		if yes, err := kubeclient.CanI(ctx, s.Authorization, enough...); yes || err != nil {
			return err
		}
	}
	return &kubeclient.MissingPermissionError{Missing: []string{fmt.Sprintf("you cannot create %s: you need the verb bind on %s, or all permissions that it grants: %s",
		bound, role, strings.Join(uncovered(nil, role.Rules), ", "))}}
}

// Permissions returns what the rules of a role allow, one entry for each verb on each
// resource.
func (o Object) Permissions() []authorizationv1.ResourceAttributes {
	var all []authorizationv1.ResourceAttributes
	for _, rule := range o.Rules {
		for _, one := range validation.BreakdownRule(rule) {
			resource, subresource, _ := strings.Cut(one.Resources[0], "/")
			request := authorizationv1.ResourceAttributes{Namespace: o.Namespace, Verb: one.Verbs[0], Group: one.APIGroups[0], Resource: resource, Subresource: subresource}
			if len(one.ResourceNames) > 0 {
				request.Name = one.ResourceNames[0]
			}
			all = append(all, request)
		}
	}
	return all
}
