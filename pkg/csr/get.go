package csr

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
)

// Get returns the stored CSR: wanted itself if it was read before, otherwise the CSR with
// its name. It returns an error that matches ErrNotFound, or ErrReplaced if that CSR has
// another UID; an empty UID means any.
//
// Access: get on certificatesigningrequests.
func Get(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, wanted Request) (Request, error) {
	if wanted.stored != nil {
		return wanted, nil
	}
	object, err := client.CertificateSigningRequests().Get(ctx, wanted.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return Request{}, &RequestError{wanted.Name, ErrNotFound}
	case err != nil:
		return Request{}, fmt.Errorf("get CSR %s: %w", wanted.Name, err)
	case wanted.UID != "" && string(object.UID) != wanted.UID:
		err = &RequestError{wanted.Name, fmt.Errorf("%w: its UID is %s, not %s", ErrReplaced, object.UID, wanted.UID)}
	}
	return Decode(object), err
}

// DeleteOwn removes a CSR that the caller created, whatever its state; use approval.Delete
// for CSRs of others. It returns an error that matches ErrReplaced or ErrNotFound.
//
// Access: delete on certificatesigningrequests.
func DeleteOwn(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, made Request) error {
	err := client.CertificateSigningRequests().Delete(ctx, made.Name, *metav1.NewPreconditionDeleteOptions(made.UID))
	switch {
	case apierrors.IsNotFound(err):
		return &RequestError{made.Name, ErrNotFound}
	case apierrors.IsConflict(err):
		return &RequestError{made.Name, ErrReplaced}
	case err != nil:
		return fmt.Errorf("delete CSR %s: %w", made.Name, err)
	}
	return nil
}
