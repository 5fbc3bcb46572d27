package csr

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
)

// DeleteOwn removes a request that the caller made, whatever has become of it; what
// others made is for [Delete]. It returns an error that matches ErrReplaced or
// ErrNotFound.
//
// Access: delete on certificatesigningrequests.
func DeleteOwn(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, made Request) error {
	uid := types.UID(made.UID)
	err := client.CertificateSigningRequests().Delete(ctx, made.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	switch {
	case apierrors.IsNotFound(err):
		return &RequestError{made.Name, ErrNotFound}
	case apierrors.IsConflict(err):
		return &RequestError{made.Name, ErrReplaced}
	case err != nil:
		return fmt.Errorf("delete request %s: %w", made.Name, err)
	}
	return nil
}
