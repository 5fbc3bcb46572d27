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

// Audit is what an administrator finds when reading cluster-info and all tokens.
type Audit struct {
	Document
	Signatures []SignatureState
	// Verdict is the error of VerifyAll.
	Verdict error
	// Stalled has a sentence about each controller that has left work undone, in order.
	Stalled []string
}

// ReadAudit reads cluster-info and the tokens, and judges every signature.
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

// CheckAll judges every signature of info against all tokens of the cluster,
// in the order of the token IDs.
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
// valid signature; else a *SignatureError or ErrNoSigningToken. The states are those of
// CheckAll. Orphans do no harm: nobody who asks for them has a token.
func VerifyAll(states []SignatureState) error {
	verdict := ErrNoSigningToken
	for _, s := range states {
		switch s.State {
		case Orphan:
		case Valid:
			verdict = nil
		default:
			return &SignatureError{s}
		}
	}
	return verdict
}

// The controllers that maintain tokens and cluster-info, by the names that
// kube-controller-manager's --controllers takes.
const (
	Signer  = "bootstrapsigner"
	Cleaner = "tokencleaner"
)

// StallThreshold is how long a controller of kube-controller-manager may take to act
// before it counts as stalled: it usually acts within a second.
const StallThreshold = 10 * time.Second

// StalledControllers returns a sentence about each controller that has left work
// undone for longer than StallThreshold, by the controller's name: the first token
// that it should have acted on. tokens are all tokens of the cluster that the caller
// can see.
func StalledControllers(info Info, tokens []token.Info, now time.Time) map[string]string {
	stalled := map[string]string{}
	note := func(controller, format string, args ...any) {
		if stalled[controller] == "" {
			stalled[controller] = fmt.Sprintf("the controller %s is silent: %s", controller, fmt.Sprintf(format, args...))
		}
	}
	for _, tok := range tokens {
		if age := now.Sub(tok.Created); tok.Signs(now) && age > StallThreshold {
			if state := Check(info, tok.Token); state != Valid {
				note(Signer, "token %s is there for %s, and its signature is %s", tok.ID, age.Round(time.Second), state)
			}
		}
		if over := now.Sub(tok.Expires); !tok.Expires.IsZero() && over > StallThreshold {
			note(Cleaner, "token %s expired %s ago and is still there", tok.ID, over.Round(time.Second))
		}
	}
	if len(tokens) == 0 && len(info.Signatures) == 0 {
		note(Signer, "cluster-info has no signature at all")
	}
	return stalled
}
