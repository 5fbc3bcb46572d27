package csr

import (
	"errors"
	"fmt"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
)

// Conditions of a CSR, as kubectl names them.
const (
	Pending  = "Pending"
	Approved = "Approved"
	Denied   = "Denied"
	Failed   = "Failed"
	Issued   = "Issued"
)

// Is reports whether the CSR has the condition.
func (r Request) Is(condition string) bool { return slices.Contains(r.Conditions, condition) }

// IsPending reports whether the CSR is neither approved, denied nor failed.
func (r Request) IsPending() bool { return slices.Equal(r.Conditions, []string{Pending}) }

// Refused returns an error that matches ErrDenied or ErrFailed if the CSR was denied or
// failed.
func (r Request) Refused() error {
	refusal := ErrDenied
	switch {
	case r.Is(Denied):
	case r.Is(Failed):
		refusal = ErrFailed
	default:
		return nil
	}
	return &RequestError{r.Name, fmt.Errorf("%w (%s): %s", refusal, r.Reason, r.Message)}
}

// State returns nil if the CSR was approved and has its certificate, otherwise the reason
// why it has none: an error that matches ErrPending, ErrUnsigned, ErrDenied or ErrFailed.
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

// States of a CSR without a certificate.
var (
	ErrNotFound = errors.New("no such CSR")
	// ErrPending means that the CSR is neither approved nor denied.
	ErrPending = errors.New("pending: not approved yet")
	// ErrUnsigned means that the CSR is approved but has no certificate.
	ErrUnsigned = errors.New("approved, but its signer has not signed it yet")
	// ErrReplaced means that the CSR with this name is another object.
	ErrReplaced = errors.New("a different CSR has this name")
	// ErrDenied and ErrFailed mean that no certificate will be issued.
	ErrDenied = errors.New("denied")
	ErrFailed = errors.New("failed by its signer")
)
