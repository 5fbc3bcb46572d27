package clusterinfo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bootctl/bootctl/pkg/token"
)

// The states of a signature.
const (
	Valid     = "VALID"     // created with a valid token for this document
	Stale     = "STALE"     // has the form of a valid token's signature, but does not match this document
	Missing   = "MISSING"   // a valid signing token has no signature
	Malformed = "MALFORMED" // the entry for a valid token is not a JWS signature
	Orphan    = "ORPHAN"    // the token does not exist, has expired, or lacks the signing usage
)

// Errors of verifying all signatures of cluster-info.
var (
	// ErrNotVerified means that a valid signing token has no valid signature.
	ErrNotVerified = errors.New("cluster-info cannot be verified")
	// ErrNoSigningToken means that there is no token to verify with.
	ErrNoSigningToken = errors.New("cluster-info cannot be verified: there is no valid signing token")
)

// SignatureState is the state of one signature of cluster-info.
type SignatureState struct {
	TokenID string
	State   string
}

// SignatureError means that the signature of a valid signing token is not valid. It
// matches ErrNotVerified.
type SignatureError struct{ SignatureState }

func (e *SignatureError) Error() string {
	return fmt.Sprintf("%v: the signature of token %s is %s", ErrNotVerified, e.TokenID, e.State)
}

// Unwrap returns ErrNotVerified.
func (e *SignatureError) Unwrap() error { return ErrNotVerified }

// Audit is the state of cluster-info and its signatures, given all tokens.
type Audit struct {
	Document
	Signatures []SignatureState
	// Err is the result of VerifyAll.
	Err error
	// Stalled has a sentence about each stalled controller, in order.
	Stalled []string
}

// ReadAudit reads cluster-info and the tokens, and checks every signature.
//
// Access: get on the configmap cluster-info in kube-public; list on secrets in kube-system.
func ReadAudit(ctx context.Context, client Client, now time.Time) (Audit, error) {
	info, document, err := FetchDocument(ctx, client)
	if err != nil {
		return Audit{}, err
	}
	tokens, err := token.List(ctx, client)
	if err != nil {
		return Audit{}, err
	}
	states := CheckAll(info, tokens, now)
	stalled := StalledControllers(info, tokens, now)
	return Audit{document, states, VerifyAll(states), slices.Sorted(maps.Values(stalled))}, nil
}

// CheckAll checks every signature of info against all tokens of the cluster, and
// returns the states in the order of the token IDs.
func CheckAll(info Info, tokens []token.Info, now time.Time) []SignatureState {
	found := map[string]string{}
	for id := range info.Signatures {
		found[id] = Orphan
	}
	for _, tok := range tokens {
		if tok.Signs(now) {
			found[tok.ID] = Check(info, tok.Token)
		}
	}
	var states []SignatureState
	for _, id := range slices.Sorted(maps.Keys(found)) {
		states = append(states, SignatureState{id, found[id]})
	}
	return states
}

// Check checks the signature of one token, assuming that the token is valid.
func Check(info Info, tok token.Token) string {
	signature, ok := info.Signatures[tok.ID()]
	switch {
	case !ok:
		return Missing
	case Verify(info.Raw, signature, tok) == nil:
		return Valid
	case !isSignature(signature, tok.ID()):
		return Malformed
	}
	return Stale
}

// VerifyAll returns nil if there is at least one valid signing token and each has a
// valid signature. Otherwise it returns a *SignatureError or ErrNoSigningToken. The
// states are the result of CheckAll. Orphans are harmless: no node has their token.
func VerifyAll(states []SignatureState) error {
	err := ErrNoSigningToken
	for _, s := range states {
		switch s.State {
		case Orphan:
		case Valid:
			err = nil
		default:
			return &SignatureError{s}
		}
	}
	return err
}

// The controllers that maintain tokens and cluster-info, by their names in the
// --controllers flag of kube-controller-manager.
const (
	Signer  = "bootstrapsigner"
	Cleaner = "tokencleaner"
)

// StallThreshold is how long a controller of kube-controller-manager may take to act
// before it counts as stalled: it usually acts within a second.
const StallThreshold = 10 * time.Second

// StalledControllers returns a sentence about each controller that has not acted for
// longer than StallThreshold, by the controller's name. The sentence names the first
// token that the controller should have acted on. tokens are all tokens of the cluster
// that the caller can see.
func StalledControllers(info Info, tokens []token.Info, now time.Time) map[string]string {
	stalled := map[string]string{}
	note := func(controller, format string, args ...any) {
		if stalled[controller] == "" {
			stalled[controller] = fmt.Sprintf("the controller %s is not running: %s", controller, fmt.Sprintf(format, args...))
		}
	}
	for _, tok := range tokens {
		if age := now.Sub(tok.Created); tok.Signs(now) && age > StallThreshold {
			if state := Check(info, tok.Token); state != Valid {
				note(Signer, "token %s has existed for %s, and cluster-info has no valid signature for it (%s)", tok.ID, age.Round(time.Second), state)
			}
		}
		if over := now.Sub(tok.Expires); !tok.Expires.IsZero() && over > StallThreshold {
			note(Cleaner, "token %s expired %s ago and still exists", tok.ID, over.Round(time.Second))
		}
	}
	if len(tokens) == 0 && len(info.Signatures) == 0 {
		note(Signer, "cluster-info has no signatures")
	}
	return stalled
}
