package clusterinfo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bootctl/bootctl/pkg/token"
)

// The states of a signature.
const (
	Valid     = "VALID"     // made with a live token over this document
	Stale     = "STALE"     // of a live token, but not over this document
	Missing   = "MISSING"   // a live signing token without a signature
	Malformed = "MALFORMED" // of a live token, but nothing that could be its signature
	Orphan    = "ORPHAN"    // whatever stands there: the token is gone, expired or not for signing
)

// Verdicts on all signatures of cluster-info.
var (
	// ErrNotVerified means that a live signing token has no good signature.
	ErrNotVerified = errors.New("cluster-info does not verify")
	// ErrNoSigningToken means that there is nothing to verify with.
	ErrNoSigningToken = errors.New("there is no live signing token, so nothing verifies")
)

// SignatureState says how one signature of cluster-info stands.
type SignatureState struct {
	TokenID string
	State   string
}

// SignatureError means that the signature of a live signing token is not valid. It
// matches ErrNotVerified.
type SignatureError struct{ SignatureState }

func (e *SignatureError) Error() string {
	return fmt.Sprintf("%v: the signature of token %s is %s", ErrNotVerified, e.TokenID, e.State)
}

// Unwrap returns ErrNotVerified.
func (e *SignatureError) Unwrap() error { return ErrNotVerified }

// CheckAll judges every signature of info against all tokens of the cluster,
// in the order of the token IDs.
func CheckAll(info Info, tokens []token.Info, now time.Time) []SignatureState {
	var states []SignatureState
	signers := map[string]bool{}
	for _, tok := range tokens {
		if tok.Signs(now) {
			signers[tok.ID] = true
			states = append(states, SignatureState{tok.ID, Check(info, tok.Token)})
		}
	}
	for id := range info.Signatures {
		if !signers[id] {
			states = append(states, SignatureState{id, Orphan})
		}
	}
	slices.SortFunc(states, func(a, b SignatureState) int { return strings.Compare(a.TokenID, b.TokenID) })
	return states
}

// Check judges the signature of one token, taking it for a live one.
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

// VerifyAll returns nil when every live signing token, and at least one, has a
// valid signature; else a *SignatureError or ErrNoSigningToken. Signatures of other tokens do no harm: nobody who asks for
// them has a token.
func VerifyAll(states []SignatureState, tokens []token.Info, now time.Time) error {
	live := map[string]bool{}
	for _, tok := range tokens {
		if tok.Signs(now) {
			live[tok.ID] = true
		}
	}
	if len(live) == 0 {
		return ErrNoSigningToken
	}
	for _, s := range states {
		if live[s.TokenID] && s.State != Valid {
			return &SignatureError{s}
		}
	}
	return nil
}
