package csr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	"k8s.io/client-go/tools/pager"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Filter says which requests are meant: those that all of its fields fit. The
// zero value of a field fits every request.
type Filter struct {
	// Condition is one of the conditions, such as Pending.
	Condition string
	// SignerName, Requester and RequesterGroup are who shall sign, who asks, and
	// a group of who asks.
	SignerName, Requester, RequesterGroup string
	// Node is the name of the node that the request is for.
	Node string
	// UID is that of the object.
	UID string
	// Fingerprint is one that ParseFingerprint returned.
	Fingerprint string
	// Before is when the request was made at the latest.
	Before time.Time
}

// Match says whether the request is meant.
func (f Filter) Match(r Request) bool {
	switch {
	case f.Condition == Pending && !r.IsPending(), f.Condition != "" && !r.Is(f.Condition):
	case f.SignerName != "" && r.SignerName != f.SignerName:
	case f.Requester != "" && r.Username != f.Requester:
	case f.RequesterGroup != "" && !slices.Contains(r.Groups, f.RequesterGroup):
	case f.Node != "" && r.NodeName() != f.Node:
	case f.UID != "" && r.UID != f.UID:
	case f.Fingerprint != "" && (r.PKCS10 == nil || !strings.HasPrefix(Fingerprint(r.PKCS10.PublicKey), f.Fingerprint)):
	case !f.Before.IsZero() && r.Created.After(f.Before):
	default:
		return true
	}
	return false
}

// List calls yield with every request that the filter fits, page by page, until
// it returns an error. It holds no more than a few pages at a time.
//
// Access: list on certificatesigningrequests.
func List(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter Filter, yield func(Request) error) error {
	pages := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		return client.CertificateSigningRequests().List(ctx, opts)
	})
	pages.PageSize, pages.PageBufferSize = 1000, 2
	var opts metav1.ListOptions
	if filter.SignerName != "" { // the API server can leave out the others
		opts.FieldSelector = fields.OneTermEqualSelector("spec.signerName", filter.SignerName).String()
	}
	err := pages.EachListItem(ctx, opts, func(object runtime.Object) error {
		if stored, ok := object.(*certificatesv1.CertificateSigningRequest); ok {
			if request := Decode(stored); filter.Match(request) {
				return yield(request)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list requests: %w", err)
	}
	return nil
}

// Get returns the request as it is stored: wanted itself where it was read before, and
// else the one of its name. It returns an error that matches ErrNotFound, or
// ErrReplaced when that has another UID; an empty UID means any.
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
		return Request{}, fmt.Errorf("get request %s: %w", wanted.Name, err)
	case wanted.UID != "" && string(object.UID) != wanted.UID:
		err = &RequestError{wanted.Name, fmt.Errorf("%w: its UID is %s, not %s", ErrReplaced, object.UID, wanted.UID)}
	}
	return Decode(object), err
}

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

// DeleteOwn removes a request that the caller made, whatever has become of it; what
// others made is for [Delete]. It returns an error that matches ErrReplaced or
// ErrNotFound.
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
		return fmt.Errorf("delete request %s: %w", made.Name, err)
	}
	return nil
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

// seconds is the lifetime asked for, 0 where none is.
func seconds(request *certificatesv1.CertificateSigningRequest) int32 {
	return *cmp.Or(request.Spec.ExpirationSeconds, new(int32))
}
