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

// ErrDiffers means that a CSR with the same name but another spec exists.
var ErrDiffers = errors.New("a different CSR with this name exists")

// Submit creates the CSR, or resumes an existing CSR with the same name, spec and key, so it
// is safe to repeat. It returns the stored object, or an error that matches ErrDiffers.
//
// Access: create and get on certificatesigningrequests.
func Submit(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, wanted *certificatesv1.CertificateSigningRequest) (*certificatesv1.CertificateSigningRequest, error) {
	created, err := client.CertificateSigningRequests().Create(ctx, wanted, metav1.CreateOptions{})
	switch {
	case err != nil:
		return adoptExisting(ctx, client, wanted, err)
	case created.Name != wanted.Name:
		return nil, fmt.Errorf("create CSR %s: %w: it returned another object", wanted.Name, kubeclient.ErrNotAPIServer)
	}
	return created, nil
}

// SubmitDryRun lets the API server validate the CSR that Submit would create, without
// storing it. It returns the existing CSR that Submit would resume, or nil if there is none,
// and the same errors.
//
// Access: create and get on certificatesigningrequests.
func SubmitDryRun(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, wanted *certificatesv1.CertificateSigningRequest) (*certificatesv1.CertificateSigningRequest, error) {
	_, err := client.CertificateSigningRequests().Create(ctx, wanted, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil {
		return nil, nil
	}
	return adoptExisting(ctx, client, wanted, err)
}

// adoptExisting returns the existing CSR because of which the wanted CSR was not created.
func adoptExisting(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, wanted *certificatesv1.CertificateSigningRequest, refusal error) (*certificatesv1.CertificateSigningRequest, error) {
	if !apierrors.IsAlreadyExists(refusal) {
		return nil, fmt.Errorf("create CSR %s: %w", wanted.Name, refusal)
	}
	found, err := client.CertificateSigningRequests().Get(ctx, wanted.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get CSR %s: %w", wanted.Name, err)
	}
	if difference := compare(found, wanted); difference != "" {
		return nil, &RequestError{wanted.Name, fmt.Errorf("%w: its %s differs", ErrDiffers, difference)}
	}
	return found, nil
}

// compare returns what differs between a stored CSR and the wanted CSR. It does not compare
// bytes, since ECDSA signatures are random.
func compare(found, wanted *certificatesv1.CertificateSigningRequest) string {
	foundRequest, err := ParseRequest(found.Spec.Request)
	wantedRequest, invalid := ParseRequest(wanted.Spec.Request)
	switch {
	case err != nil, invalid != nil:
		return "spec.request"
	case !slices.Equal(foundRequest.RawSubjectPublicKeyInfo, wantedRequest.RawSubjectPublicKeyInfo):
		return "key"
	case !slices.Equal(foundRequest.RawSubject, wantedRequest.RawSubject):
		return "subject"
	case !equality.Semantic.DeepEqual(foundRequest.Extensions, wantedRequest.Extensions):
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
