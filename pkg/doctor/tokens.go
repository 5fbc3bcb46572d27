package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// signatureStates are the states of the signatures of cluster-info.
type signatureStates struct {
	settled []clusterinfo.SignatureState
	// recent is the number of other states, which the bootstrap signer may still fix.
	recent int
	// stalled describes why the bootstrap signer seems stalled; empty if it does not.
	stalled string
}

// checkSignatures verifies all signatures of cluster-info.
func (c *clusterChecker) checkSignatures() (signatureStates, error) {
	info, err := c.info()
	if err != nil {
		return signatureStates{}, err
	}
	tokens, err := c.allTokens()
	if err != nil {
		return signatureStates{}, err
	}
	states := clusterinfo.CheckAll(info, tokens, c.now())
	settled := excludeRecent(states, tokens, c.now())
	stalled := clusterinfo.StalledControllers(info, tokens, c.now())[clusterinfo.Signer]
	return signatureStates{settled, len(states) - len(settled), stalled}, nil
}

// signatures reports the signatures of cluster-info, with one finding for each kind of
// problem.
func (c *clusterChecker) signatures(_ context.Context, states signatureStates, tokens []token.Info) []Finding {
	ids := map[string][]string{}
	for _, s := range states.settled {
		ids[s.State] = append(ids[s.State], s.TokenID)
	}
	var findings []Finding
	for _, kind := range []struct {
		state, reason string
		status        Status
		noun, what    string
	}{
		{clusterinfo.Missing, SignatureMissing, FAIL, "token", "cluster-info is not signed with %s: %s"},
		{clusterinfo.Stale, SignatureStale, FAIL, "token", "the signatures of %s do not match the current cluster-info: %s"},
		{clusterinfo.Malformed, SignatureMalformed, FAIL, "token", "the entries for %s are not JWS signatures: %s"},
		{clusterinfo.Orphan, SignatureOrphan, WARN, "signature", "cluster-info has %s without a valid signing token: %s"},
	} {
		if n := len(ids[kind.state]); n > 0 {
			message := fmt.Sprintf(kind.what, escape.Count(n, kind.noun), escape.FirstN(ids[kind.state], most, ", "))
			findings = append(findings, one(kind.status, kind.reason, message, "bootctl cluster-info sign")...)
		}
	}
	signing := token.CountSigning(tokens, c.now())
	switch {
	case len(findings) > 0:
		return findings
	case states.recent > 0:
		return tooRecent(states.recent)
	case signing == 0:
		return ok("no valid signing token exists, so no signature is needed")
	}
	return ok("cluster-info is signed with %s", escape.Count(signing, "valid token"))
}

// tooRecent skips a check of the bootstrap signer, which has some time to act on tokens
// that were created or have expired.
func tooRecent(tokens int) []Finding {
	return skip("%s changed less than %s ago and may not be processed yet; run bootctl doctor again", escape.Count(tokens, "token"), clusterinfo.StallThreshold)
}

// excludeRecent drops the states that the bootstrap signer may still fix: the missing
// signature of a token that was created, and the orphaned signature of a token that
// expired, within clusterinfo.StallThreshold.
func excludeRecent(states []clusterinfo.SignatureState, tokens []token.Info, now time.Time) []clusterinfo.SignatureState {
	since := map[string]time.Time{}
	for _, tok := range tokens {
		since[tok.ID] = tok.Created
		if tok.Expired(now) {
			since[tok.ID] = tok.Expires
		}
	}
	return slices.DeleteFunc(slices.Clone(states), func(s clusterinfo.SignatureState) bool {
		at, known := since[s.TokenID]
		return known && (s.State == clusterinfo.Missing || s.State == clusterinfo.Orphan) && now.Sub(at) <= clusterinfo.StallThreshold
	})
}

// signer checks that the bootstrap signer is not stalled.
func (c *clusterChecker) signer(_ context.Context, states signatureStates, tokens []token.Info) []Finding {
	switch {
	case token.CountSigning(tokens, c.now()) == 0:
		return skip("no valid signing token exists; use --probe to test with a temporary token")
	case states.stalled != "":
		return one(FAIL, BootstrapSignerNotRunning, states.stalled, runSigner+"; meanwhile: bootctl cluster-info sign")
	case states.recent > 0:
		return tooRecent(states.recent)
	}
	return ok("no signature is missing; use --probe to test whether %s is running", clusterinfo.Signer)
}

// cleaner checks that the token cleaner is not stalled.
func (c *clusterChecker) cleaner(_ context.Context, tokens []token.Info) []Finding {
	if stalled := clusterinfo.StalledControllers(clusterinfo.Info{}, tokens, c.now())[clusterinfo.Cleaner]; stalled != "" {
		return one(WARN, TokenCleanerNotRunning, stalled, "bootctl token delete --expired; or "+runCleaner)
	}
	return ok("no expired token exists")
}

// tokens reports tokens that never expire and tokens that the API server rejects.
func (c *clusterChecker) tokens(_ context.Context, tokens []token.Info) []Finding {
	var endless, unusable, names []string
	for _, tok := range tokens {
		switch {
		case tok.IsProxy(): // if it is deleted, so is kubeadm-certs
		case tok.Problem != "":
			unusable = append(unusable, tok.SecretName+": "+tok.Problem)
			if word := escape.ShellQuote(tok.SecretName); word != "" {
				names = append(names, word)
			}
		case tok.Expires.IsZero():
			endless = append(endless, tok.ID)
		}
	}
	var findings []Finding
	if len(endless) > 0 {
		findings = one(WARN, TokenNeverExpires, escape.Count(len(endless), "token")+" without an expiration: "+escape.FirstN(endless, most, ", "),
			eachOf("bootctl token extend %s --ttl 24h", endless))
	}
	if len(unusable) > 0 {
		findings = append(findings, one(WARN, TokenUnusable, escape.Count(len(unusable), "Secret")+" with an invalid bootstrap token: "+escape.FirstN(unusable, most, "; "),
			eachOf("kubectl -n kube-system delete secret %s", names))...)
	}
	switch {
	case len(findings) > 0:
		return findings
	case len(tokens) == 0:
		return ok("no token exists")
	}
	return ok("%s, all with an expiration", escape.Count(len(tokens), "token"))
}

// eachOf returns the commands for the first few of the names.
func eachOf(command string, names []string) string {
	var commands []string
	for _, name := range names[:min(most, len(names))] {
		commands = append(commands, fmt.Sprintf(command, name))
	}
	return strings.Join(commands, "; ")
}

// capacity checks how many more tokens can sign cluster-info.
func (c *clusterChecker) capacity(_ context.Context, info clusterinfo.Info, tokens []token.Info) []Finding {
	signing := token.CountSigning(tokens, c.now())
	left, few := remaining(info, signing)
	message := fmt.Sprintf("%s can sign cluster-info, which has room for %d signatures", escape.Count(signing, "token"), info.Capacity())
	const fix = "delete the tokens that are not needed, and create tokens that need not sign with --usages authentication; to list the tokens that sign, run: bootctl token list --usage signing"
	switch {
	case left == 0:
		return one(FAIL, ClusterInfoFull, message+", so it cannot be signed with another token", fix)
	case few:
		return one(WARN, ClusterInfoAlmostFull, message, fix)
	}
	return ok("%s", message)
}

// remaining returns how many more tokens than the given number can sign cluster-info,
// and whether that is few: fewer than ten, or than a tenth of its capacity.
func remaining(info clusterinfo.Info, signing int) (left int, few bool) {
	capacity := info.Capacity()
	left = max(0, capacity-signing)
	return left, left < 10 || 10*left < capacity
}
