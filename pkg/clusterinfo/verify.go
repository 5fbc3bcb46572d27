package clusterinfo

import (
	"slices"
	"strings"
	"time"

	"github.com/bootctl/bootctl/pkg/token"
)

// The states of a signature.
const (
	Valid   = "VALID"   // made with a live token over this document
	Stale   = "STALE"   // of a live token, but not over this document
	Missing = "MISSING" // a live signing token without a signature
	Orphan  = "ORPHAN"  // the token is gone, expired or not for signing
)

// SignatureState says how one signature of cluster-info stands.
type SignatureState struct {
	TokenID string
	State   string
}

// CheckAll judges every signature of info against all tokens of the cluster,
// in the order of the token IDs.
func CheckAll(info Info, tokens []token.Info, now time.Time) []SignatureState {
	var states []SignatureState
	signers := map[string]bool{}
	for _, tok := range tokens {
		if !tok.Signs(now) {
			continue
		}
		signers[tok.ID] = true
		state := Valid
		switch signature, ok := info.Signatures[tok.ID]; {
		case !ok:
			state = Missing
		case Verify(info.Raw, signature, tok.Token) != nil:
			state = Stale
		}
		states = append(states, SignatureState{tok.ID, state})
	}
	for id := range info.Signatures {
		if !signers[id] {
			states = append(states, SignatureState{id, Orphan})
		}
	}
	slices.SortFunc(states, func(a, b SignatureState) int { return strings.Compare(a.TokenID, b.TokenID) })
	return states
}
