package csr

import (
	"context"
	"errors"
	"fmt"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// ErrDiffers means that a request of the same name exists that asks for
// something else.
var ErrDiffers = errors.New("a request of this name exists that is not the same")

// Submit sends the request, or takes up one of the same name that asks for just
// the same with the same key, so it is safe to repeat. It returns the object as
// the server has it, or an error that matches ErrDiffers.
//
// Access: create and get on certificatesigningrequests.
func Submit(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, wanted *certificatesv1.CertificateSigningRequest) (*certificatesv1.CertificateSigningRequest, error) {
	created, err := client.CertificateSigningRequests().Create(ctx, wanted, metav1.CreateOptions{})
	switch {
	case err != nil:
		return adoptExisting(ctx, client, wanted, err)
	case created.Name != wanted.Name:
		return nil, fmt.Errorf("create request %s: %w: it answers with another object", wanted.Name, kubeclient.ErrNotAPIServer)
	}
	return created, nil
}

// SubmitDryRun lets the API server judge the request as Submit would send it, without
// storing it. It returns the stored one that Submit would take up, or nil when
// there is none, and the same errors.
//
// Access: create and get on certificatesigningrequests.
func SubmitDryRun(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, wanted *certificatesv1.CertificateSigningRequest) (*certificatesv1.CertificateSigningRequest, error) {
	_, err := client.CertificateSigningRequests().Create(ctx, wanted, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil {
		return nil, nil
	}
	return adoptExisting(ctx, client, wanted, err)
}

// adoptExisting returns the stored request that kept the wanted one from being created.
func adoptExisting(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, wanted *certificatesv1.CertificateSigningRequest, refusal error) (*certificatesv1.CertificateSigningRequest, error) {
	if !apierrors.IsAlreadyExists(refusal) {
		return nil, fmt.Errorf("create request %s: %w", wanted.Name, refusal)
	}
	found, err := client.CertificateSigningRequests().Get(ctx, wanted.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get request %s: %w", wanted.Name, err)
	}
	if difference := compare(found, wanted); difference != "" {
		return nil, &RequestError{wanted.Name, fmt.Errorf("%w: its %s differs", ErrDiffers, difference)}
	}
	return found, nil
}

// compare names what differs between a stored request and the wanted one. The bytes of
// two equal requests differ, since ECDSA signatures are random.
func compare(found, wanted *certificatesv1.CertificateSigningRequest) string {
	theirs, err := ParseRequest(found.Spec.Request)
	ours, invalid := ParseRequest(wanted.Spec.Request)
	switch {
	case err != nil, invalid != nil:
		return "request"
	case !slices.Equal(theirs.RawSubjectPublicKeyInfo, ours.RawSubjectPublicKeyInfo):
		return "key"
	case !slices.Equal(theirs.RawSubject, ours.RawSubject):
		return "subject"
	case !equality.Semantic.DeepEqual(theirs.Extensions, ours.Extensions):
		return "list of extensions"
	case found.Spec.SignerName != wanted.Spec.SignerName:
		return "signer"
	case !slices.Equal(found.Spec.Usages, wanted.Spec.Usages):
		return "list of usages"
	case seconds(found) != seconds(wanted):
		return "expiration"
	}
	return ""
}
