package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"

	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"

	"github.com/bootctl/bootctl/pkg/csr"
)

// Why a CSR is not the one that is meant.
var (
	// ErrAmbiguousCSR means that several CSRs fit where one is meant.
	ErrAmbiguousCSR = errors.New("several requests fit, and one is meant")
	// ErrFingerprintMismatch means that a CSR is for another key.
	ErrFingerprintMismatch = errors.New("it is for another key than the fingerprint says")
)

// Candidate is a CSR that was selected for approval. Err is a *[ConflictError] when
// other CSRs for the same node have another key.
type Candidate struct {
	Request csr.Request
	Err     error
}

// Candidates returns the pending CSRs that the filter selects, the oldest first. A
// filter with a node, a fingerprint or a UID means one CSR, see [Find]. An empty
// SignerName means csr.KubeletClient, and every signer next to a fingerprint or a UID.
//
// Access: list on certificatesigningrequests.
func Candidates(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) ([]Candidate, error) {
	identified := filter.Fingerprint != "" || filter.UID != ""
	if filter.SignerName == "" && (filter.Node != "" || !identified) {
		filter.SignerName = csr.KubeletClient
	}
	if filter.Node != "" || identified {
		request, err := Find(ctx, client, filter)
		return []Candidate{{Request: request}}, err
	}
	requests, conflicts, err := listPending(ctx, client, filter)
	found := make([]Candidate, len(requests))
	for i, request := range requests {
		found[i] = Candidate{request, conflicts.check(request)}
	}
	return found, err
}

// Get returns the CSR of that name. It returns an error that matches csr.ErrNotFound,
// or csr.ErrReplaced when it has another UID; an empty uid means any.
//
// Access: get on certificatesigningrequests.
func Get(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, name, uid string) (csr.Request, error) {
	request, err := csr.Get(ctx, client, name)
	if err == nil && uid != "" && request.UID != uid {
		err = &csr.RequestError{Name: name, Err: fmt.Errorf("%w: its UID is %s, not %s", csr.ErrReplaced, request.UID, uid)}
	}
	return request, err
}

// Find returns the only CSR that the filter selects, whatever its Condition. For a
// node that is a pending CSR, and a filter without a fingerprint selects it only when
// no other is for the same node; otherwise it is the pending CSR, or the newest
// approved one. It returns an error that matches csr.ErrNotFound, ErrAmbiguousCSR or
// ErrFingerprintMismatch, or a *[ConflictError].
//
// Access: list on certificatesigningrequests.
func Find(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) (csr.Request, error) {
	if filter.Node != "" {
		return findOfNode(ctx, client, filter)
	}
	var pending, approved []csr.Request
	filter.Condition = ""
	err := csr.List(ctx, client, filter, func(r csr.Request) error {
		if r.IsPending() {
			pending = append(pending, r)
		} else if r.Is(csr.Approved) {
			approved = append(approved, r)
		}
		return nil
	})
	switch {
	case err != nil:
		return csr.Request{}, err
	case len(pending) > 1:
		return csr.Request{}, fmt.Errorf("%w: %q and %q are two of them; name the one that is meant", ErrAmbiguousCSR, pending[0].Name, pending[1].Name)
	case len(pending) == 1:
		return pending[0], nil
	case len(approved) > 0:
		return approved[len(approved)-1], nil
	}
	return csr.Request{}, fmt.Errorf("%w that is pending", csr.ErrNotFound)
}

func findOfNode(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) (csr.Request, error) {
	filter.Condition = csr.Pending
	requests, conflicts, err := listPending(ctx, client, csr.Filter{Node: filter.Node, SignerName: filter.SignerName})
	if err != nil {
		return csr.Request{}, err
	}
	if len(requests) == 0 {
		return csr.Request{}, fmt.Errorf("node %s: %w that is pending", filter.Node, csr.ErrNotFound)
	}
	i := slices.IndexFunc(requests, filter.Match)
	switch {
	case i < 0 && filter.Fingerprint != "":
		return csr.Request{}, fmt.Errorf("request %s of node %s: %w", requests[0].Name, filter.Node, ErrFingerprintMismatch)
	case i < 0:
		return csr.Request{}, fmt.Errorf("request %s of node %s: the other filters do not fit it: %w", requests[0].Name, filter.Node, csr.ErrNotFound)
	case filter.Fingerprint == "":
		return requests[i], conflicts.check(requests[i])
	}
	return requests[i], nil
}

// FindNewest returns the newest CSR for the client certificate of a node. It returns
// an error that matches csr.ErrNotFound, or a *[ConflictError] when that is pending
// and others for the node have another key.
//
// Access: list on certificatesigningrequests.
func FindNewest(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, nodeName string) (csr.Request, error) {
	var newest csr.Request
	var conflicts Conflicts
	err := csr.List(ctx, client, csr.Filter{SignerName: csr.KubeletClient, Node: nodeName}, func(r csr.Request) error {
		conflicts.Add(r)
		if newest.Name == "" || r.Created.After(newest.Created) {
			newest = r
		}
		return nil
	})
	switch {
	case err == nil && newest.Name == "":
		err = fmt.Errorf("node %s: %w", nodeName, csr.ErrNotFound)
	case err == nil && newest.IsPending():
		err = conflicts.check(newest)
	}
	return newest, err
}

// listPending returns the pending CSRs that the filter selects, the oldest first, and
// the conflicts between all CSRs for its signer, selected or not.
func listPending(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) ([]csr.Request, Conflicts, error) {
	var requests []csr.Request
	var conflicts Conflicts
	filter.Condition = csr.Pending
	err := csr.List(ctx, client, csr.Filter{SignerName: filter.SignerName}, func(r csr.Request) error {
		conflicts.Add(r)
		if filter.Match(r) {
			requests = append(requests, r)
		}
		return nil
	})
	slices.SortStableFunc(requests, func(a, b csr.Request) int { return a.Created.Compare(b.Created) })
	return requests, conflicts, err
}
