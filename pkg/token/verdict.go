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

// ErrUnusable means that the API server or the bootstrap signer does not take the
// token for what it is meant to be.
var ErrUnusable = errors.New("the token cannot be used")

// ErrOtherSecret means that a token was given whose ID is one of the cluster's
// tokens and whose secret half is not.
var ErrOtherSecret = errors.New("the cluster has this token ID with another secret")

// Status is what Kubernetes does with a token at one time.
type Status struct {
	// User and Groups are who the token authenticates as; empty when the API
	// server rejects it.
	User   string
	Groups []string
	// Rejected says why the API server rejects the token, and Unsigned why the
	// bootstrap signer does not sign with it; empty when they do not.
	Rejected, Unsigned string
	// Cleaned is when the token cleaner deletes the token: the zero time is
	// never, one that is past means at once.
	DeletedAt time.Time
}

// Evaluate does what the API server, the bootstrap signer and the token cleaner do
// with a token at now.
func (i Info) Evaluate(now time.Time) Status {
	v := Status{
		Rejected: cmp.Or(i.Problem, i.ended(now), i.lacks(Authentication)),
		Unsigned: cmp.Or(i.unsigned, i.ended(now), i.lacks(Signing)),
	}
	if v.Rejected == "" {
		v.User = api.BootstrapUserPrefix + i.ID
		v.Groups = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(i.Groups), api.BootstrapDefaultGroup))))
	}
	switch {
	case i.wrongType: // the cleaner leaves it alone
	case i.unreadableEnd:
		v.DeletedAt = time.Unix(0, 0)
	default:
		v.DeletedAt = i.Expires
	}
	return v
}

// ended says when the token expired; empty when it has not at now.
func (i Info) ended(now time.Time) string {
	if !i.Expired(now) {
		return ""
	}
	return "it expired on " + formatExpiration(i.Expires)
}

// lacks says that the token has not the usage; empty when it has.
func (i Info) lacks(usage string) string {
	if i.Has(usage) {
		return ""
	}
	return "it has not the usage " + usage
}

// Usable returns nil when the token does all that its usages say at now, and else
// an error that matches ErrUnusable and says why.
func (i Info) Usable(now time.Time) error {
	if why := cmp.Or(i.Problem, i.ended(now)); why != "" {
		return fmt.Errorf("token %s: %w: %s", i.ID, ErrUnusable, why)
	}
	return nil
}

// Matches returns an error that matches ErrOtherSecret unless tok is the token of
// the Secret, in a time that does not depend on where they differ.
func (i Info) Matches(tok Token) error {
	if i.Token.IsZero() || subtle.ConstantTimeCompare([]byte(i.Token.Reveal()), []byte(tok.Reveal())) != 1 {
		return fmt.Errorf("token %s: %w", tok.ID(), ErrOtherSecret)
	}
	return nil
}
