package csr

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"

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
	var opts metav1.ListOptions
	if filter.SignerName != "" { // the API server can leave out the others
		opts.FieldSelector = fields.OneTermEqualSelector("spec.signerName", filter.SignerName).String()
	}
	err := kubeclient.EachItem(ctx, client.CertificateSigningRequests().List, opts, func(stored *certificatesv1.CertificateSigningRequest) error {
		if request := Decode(stored); filter.Match(request) {
			return yield(request)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list requests: %w", err)
	}
	return nil
}
