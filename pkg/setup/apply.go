package setup

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
)

// ErrDiffers means that an object of the name exists and grants something else.
var ErrDiffers = errors.New("it exists already and grants something else")

// Result says what Apply did to an object.
type Result struct {
	Object Object
	// Created is false where the object was there and grants the same.
	Created bool
}

// Apply creates those of the objects that are absent, after looking at all of
// them: when one is there and grants something else, it returns an error that
// matches ErrDiffers and has changed nothing.
//
// Access: get and create on roles and rolebindings in kube-public, and on
// clusterroles and clusterrolebindings; and every right that the objects grant,
// or bind and escalate.
func Apply(ctx context.Context, client rbacv1client.RbacV1Interface, objects []Object) ([]Result, error) {
	var results []Result
	for _, object := range objects {
		found, err := get(ctx, client, object)
		switch {
		case err != nil && !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("get %s: %w", object, err)
		case err == nil && object.Unwanted:
			return nil, fmt.Errorf("%s: %w: it approves new nodes at once", object, ErrDiffers)
		case err == nil && !grantsSame(found, object):
			return nil, fmt.Errorf("%s: %w", object, ErrDiffers)
		}
		if !object.Unwanted {
			results = append(results, Result{object, err != nil})
		}
	}
	for i, result := range results {
		if !result.Created {
			continue
		}
		err := create(ctx, client, result.Object)
		if apierrors.IsAlreadyExists(err) { // someone else created it meanwhile
			results[i].Created = false
			err = sameNow(ctx, client, result.Object)
		}
		if err != nil {
			return nil, fmt.Errorf("create %s: %w", result.Object, err)
		}
	}
	return results, nil
}

// sameNow returns ErrDiffers unless the object is there and grants the same.
func sameNow(ctx context.Context, client rbacv1client.RbacV1Interface, object Object) error {
	found, err := get(ctx, client, object)
	if err == nil && !grantsSame(found, object) {
		err = ErrDiffers
	}
	return err
}

// String names the object, as in ClusterRole NAME.
func (o Object) String() string {
	if o.Namespace != "" {
		return fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
	}
	return fmt.Sprintf("%s %s", o.Kind, o.Name)
}

func grantsSame(a, b Object) bool {
	return reflect.DeepEqual(a.Rules, b.Rules) && a.RoleRef == b.RoleRef && reflect.DeepEqual(a.Subjects, b.Subjects)
}

func get(ctx context.Context, client rbacv1client.RbacV1Interface, o Object) (Object, error) {
	opts := metav1.GetOptions{}
	switch o.Kind {
	case "Role":
		found, err := client.Roles(o.Namespace).Get(ctx, o.Name, opts)
		if err != nil {
			return Object{}, err
		}
		return Object{Rules: found.Rules}, nil
	case "RoleBinding":
		found, err := client.RoleBindings(o.Namespace).Get(ctx, o.Name, opts)
		if err != nil {
			return Object{}, err
		}
		return Object{RoleRef: found.RoleRef, Subjects: found.Subjects}, nil
	case "ClusterRole":
		found, err := client.ClusterRoles().Get(ctx, o.Name, opts)
		if err != nil {
			return Object{}, err
		}
		return Object{Rules: found.Rules}, nil
	}
	found, err := client.ClusterRoleBindings().Get(ctx, o.Name, opts)
	if err != nil {
		return Object{}, err
	}
	return Object{RoleRef: found.RoleRef, Subjects: found.Subjects}, nil
}

func create(ctx context.Context, client rbacv1client.RbacV1Interface, o Object) error {
	meta := metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace, Labels: map[string]string{Label: LabelValue}}
	opts := metav1.CreateOptions{}
	var err error
	switch o.Kind {
	case "Role":
		_, err = client.Roles(o.Namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: o.Rules}, opts)
	case "RoleBinding":
		_, err = client.RoleBindings(o.Namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: o.RoleRef, Subjects: o.Subjects}, opts)
	case "ClusterRole":
		_, err = client.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: o.Rules}, opts)
	default:
		_, err = client.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: o.RoleRef, Subjects: o.Subjects}, opts)
	}
	return err
}
