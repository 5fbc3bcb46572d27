package csr

import (
	"errors"
	"fmt"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
)

// Conditions of a request, as kubectl names them.
const (
	Pending  = "Pending"
	Approved = "Approved"
	Denied   = "Denied"
	Failed   = "Failed"
	Issued   = "Issued"
)

// Is says whether the condition holds.
func (r Request) Is(condition string) bool { return slices.Contains(r.Conditions, condition) }

// IsPending says whether nobody has decided on the request.
func (r Request) IsPending() bool { return slices.Equal(r.Conditions, []string{Pending}) }

// Refused returns an error that matches ErrDenied or ErrFailed when the request was
// denied or failed.
func (r Request) Refused() error {
	end := ErrDenied
	switch {
	case r.Is(Denied):
	case r.Is(Failed):
		end = ErrFailed
	default:
		return nil
	}
	return &RequestError{r.Name, fmt.Errorf("%w (%s): %s", end, r.Reason, r.Message)}
}

// State is nil once the request was approved and has its certificate. Before and
// otherwise it is why it has none: an error that matches ErrPending, ErrUnsigned,
// ErrDenied or ErrFailed.
func (r Request) State() error {
	switch refused := r.Refused(); {
	case refused != nil:
		return refused
	case !r.Is(Approved):
		return &RequestError{r.Name, ErrPending}
	case !r.Is(Issued):
		return &RequestError{r.Name, ErrUnsigned}
	}
	return nil
}

func conditions(has map[certificatesv1.RequestConditionType]bool, issued bool) []string {
	out := []string{Pending}
	switch {
	case has[certificatesv1.CertificateDenied]:
		out = []string{Denied}
	case has[certificatesv1.CertificateApproved]:
		out = []string{Approved}
	}
	if has[certificatesv1.CertificateFailed] {
		out = append(out, Failed)
	}
	if issued {
		out = append(out, Issued)
	}
	return out
}

// Ends of a request other than a certificate, and the states before.
var (
	ErrNotFound = errors.New("no such request")
	// ErrPending means that nobody has approved or denied the request yet.
	ErrPending = errors.New("pending: nobody has approved it yet")
	// ErrUnsigned means that the request is approved but has no certificate.
	ErrUnsigned = errors.New("approved, but its signer has not signed it yet")
	// ErrReplaced means that the request of this name is another object.
	ErrReplaced = errors.New("the request of this name is another one")
	// ErrDenied and ErrFailed mean that there will be no certificate.
	ErrDenied = errors.New("denied")
	ErrFailed = errors.New("failed by its signer")
)
