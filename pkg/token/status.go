package token

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/cluster-bootstrap/token/api"
)

// ErrUnusable means that the API server or the bootstrap signer does not accept the
// token for its usages.
var ErrUnusable = errors.New("the token cannot be used")

// ErrOtherSecret means that the cluster has a token with the same ID and a different
// secret.
var ErrOtherSecret = errors.New("the cluster has a token with this ID and a different secret")

// Status is how Kubernetes treats a token at one time.
type Status struct {
	// User and Groups are the identity that the token authenticates as; empty if the
	// API server rejects the token.
	User   string
	Groups []string
	// Rejected is why the API server rejects the token, and Unsigned why the bootstrap
	// signer does not sign with it; empty if they accept it.
	Rejected, Unsigned string
	// DeletedAt is when the token cleaner deletes the token: the zero time means
	// never, and a past time means immediately.
	DeletedAt time.Time
}

// Evaluate predicts how the API server, the bootstrap signer and the token cleaner
// treat the token at now.
func (i Info) Evaluate(now time.Time) Status {
	s := Status{
		Rejected: cmp.Or(i.Problem, i.expiredReason(now), i.missingUsage(Authentication)),
		Unsigned: cmp.Or(i.unsigned, i.expiredReason(now), i.missingUsage(Signing)),
	}
	if s.Rejected == "" {
		s.User = api.BootstrapUserPrefix + i.ID
		s.Groups = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(i.Groups), api.BootstrapDefaultGroup))))
	}
	switch {
	case i.wrongType: // the token cleaner ignores it
	case i.invalidExpires:
		s.DeletedAt = time.Unix(0, 0)
	default:
		s.DeletedAt = i.Expires
	}
	return s
}

// expiredReason returns when the token expired; empty if it has not expired at now.
func (i Info) expiredReason(now time.Time) string {
	if !i.Expired(now) {
		return ""
	}
	return "it expired on " + formatExpiration(i.Expires)
}

// missingUsage reports that the token lacks the usage; empty if the token has it.
func (i Info) missingUsage(usage string) string {
	if i.Has(usage) {
		return ""
	}
	return "it does not have the usage " + usage
}

// Usable returns nil if the token is accepted for all its usages at now. Otherwise it
// returns an error that matches ErrUnusable and contains the reason.
func (i Info) Usable(now time.Time) error {
	if reason := cmp.Or(i.Problem, i.expiredReason(now)); reason != "" {
		return &IDError{i.ID, fmt.Errorf("%w: %s", ErrUnusable, reason)}
	}
	return nil
}

// Matches returns an error that matches ErrOtherSecret unless tok is the Secret's
// token. It takes the same time wherever the two differ.
func (i Info) Matches(tok Token) error {
	if i.Token.IsZero() || subtle.ConstantTimeCompare([]byte(i.Token.Reveal()), []byte(tok.Reveal())) != 1 {
		return &IDError{tok.ID(), ErrOtherSecret}
	}
	return nil
}
