package token

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/pager"

	"k8s.io/cluster-bootstrap/token/api"
)

// Conditions that a caller may act on.
var (
	ErrNotFound = errors.New("no such token")
	ErrExists   = errors.New("a token of this ID exists already")
)

// Create stores a new token. It never replaces one: it returns an error that
// matches ErrExists when a token has the same ID, and one that matches
// ErrInvalidSpec when the token cannot be made as asked.
//
// Access: create on secrets in kube-system.
func Create(ctx context.Context, client corev1client.SecretsGetter, spec Spec) error {
	if err := spec.Validate(); err != nil {
		return err
	}
	_, err := client.Secrets(metav1.NamespaceSystem).Create(ctx, spec.Secret(), metav1.CreateOptions{})
	switch {
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("token %s: %w", spec.Token.ID(), ErrExists)
	case err != nil:
		return fmt.Errorf("create token %s: %w", spec.Token.ID(), err)
	}
	return nil
}

// List returns every token in the order of the IDs, the ill-formed ones with
// what is wrong with them. It reads page by page.
//
// Access: list on secrets in kube-system.
func List(ctx context.Context, client corev1client.SecretsGetter) ([]Info, error) {
	var infos []Info
	pages := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		return client.Secrets(metav1.NamespaceSystem).List(ctx, opts)
	})
	opts := metav1.ListOptions{FieldSelector: "type=" + string(api.SecretTypeBootstrapToken)}
	err := pages.EachListItem(ctx, opts, func(object runtime.Object) error {
		if secret, ok := object.(*corev1.Secret); ok && secret.Type == api.SecretTypeBootstrapToken {
			infos = append(infos, Read(secret))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return infos, nil
}

// Delete removes the token with the given ID, at once and for good. It returns
// an error that matches ErrNotFound when the cluster holds no such token.
//
// Access: delete on secrets in kube-system.
func Delete(ctx context.Context, client corev1client.SecretsGetter, id string) error {
	err := client.Secrets(metav1.NamespaceSystem).Delete(ctx, secretName(id), metav1.DeleteOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("token %s: %w", id, ErrNotFound)
	case err != nil:
		return fmt.Errorf("delete token %s: %w", id, err)
	}
	return nil
}
