package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/internal/safe"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// signed returns cluster-info, all tokens, and how many of them sign it now.
func (e *exam) signed() (info clusterinfo.Info, tokens []token.Info, signing int, err error) {
	if info, err = e.info(); err != nil {
		return info, nil, 0, err
	}
	tokens, err = e.allTokens()
	for _, tok := range tokens {
		if tok.Signs(e.now()) {
			signing++
		}
	}
	return info, tokens, signing, err
}

// signatures judges all signatures of cluster-info, and tells of each way in which
// some are wrong.
func (e *exam) signatures(context.Context) ([]Finding, error) {
	info, tokens, signing, err := e.signed()
	if err != nil {
		return nil, err
	}
	ids := map[string][]string{}
	for _, s := range clusterinfo.Settled(clusterinfo.CheckAll(info, tokens, e.now()), tokens, e.now()) {
		ids[s.State] = append(ids[s.State], s.TokenID)
	}
	var findings []Finding
	for _, kind := range []struct {
		state, reason string
		status        Status
		what          string
	}{
		{clusterinfo.Missing, SignatureMissing, FAIL, "cluster-info is not signed with %s: %s"},
		{clusterinfo.Stale, SignatureStale, FAIL, "the signature is of another text than cluster-info's, of %s: %s"},
		{clusterinfo.Malformed, SignatureMalformed, FAIL, "what stands there is no signature, of %s: %s"},
		{clusterinfo.Orphan, SignatureOrphan, WARN, "something stands there, and there is no live signing token, of %s: %s"},
	} {
		if n := len(ids[kind.state]); n > 0 {
			evidence := fmt.Sprintf(kind.what, counted(n, "token"), listed(ids[kind.state], ", "))
			findings = append(findings, one(kind.status, kind.reason, evidence, "bootctl cluster-info sign")...)
		}
	}
	switch {
	case len(findings) > 0:
		return findings, nil
	case signing == 0:
		return ok("there is no live signing token, so none is needed"), nil
	}
	return ok("cluster-info is signed with %s", counted(signing, "live token")), nil
}

// signer says whether the bootstrap signer does its work.
func (e *exam) signer(context.Context) ([]Finding, error) {
	info, tokens, signing, err := e.signed()
	switch {
	case err != nil:
		return nil, err
	case signing == 0:
		return ok("not known without a live signing token; --probe tells"), nil
	}
	if silence := silenceOf(clusterinfo.Signer, clusterinfo.Silent(info, tokens, e.now())); silence != "" {
		return one(FAIL, BootstrapSignerNotRunning, silence, runSigner), nil
	}
	return ok("the controller %s has left nothing undone", clusterinfo.Signer), nil
}

// cleaner says whether the token cleaner does its work.
func (e *exam) cleaner(context.Context) ([]Finding, error) {
	tokens, err := e.allTokens()
	if err != nil {
		return nil, err
	}
	if silence := silenceOf(clusterinfo.Cleaner, clusterinfo.Silent(clusterinfo.Info{}, tokens, e.now())); silence != "" {
		return one(WARN, TokenCleanerNotRunning, silence+"; "+runCleaner, "bootctl token delete --expired"), nil
	}
	return ok("no token is past its end"), nil
}

func silenceOf(controller string, silent []clusterinfo.Silence) string {
	for _, s := range silent {
		if s.Controller == controller {
			return s.String()
		}
	}
	return ""
}

// tokens says which of them are odd, those apart that have just ended.
func (e *exam) tokens(context.Context) ([]Finding, error) {
	tokens, err := e.allTokens()
	if err != nil {
		return nil, err
	}
	var endless, unusable, names []string
	for _, tok := range tokens {
		switch {
		case tok.IsProxy(): // of kubeadm-certs, which would be deleted with it
		case tok.Problem != "":
			unusable = append(unusable, tok.SecretName+": "+tok.Problem)
			if word := safe.Word(tok.SecretName); word != "" {
				names = append(names, word)
			}
		case tok.Expires.IsZero():
			endless = append(endless, tok.ID)
		}
	}
	var findings []Finding
	if len(endless) > 0 {
		findings = append(findings, one(WARN, TokenNeverExpires, counted(len(endless), "token")+" without an end: "+listed(endless, ", "),
			eachOf("bootctl token extend %s --ttl 24h", endless))...)
	}
	if len(unusable) > 0 {
		findings = append(findings, one(WARN, TokenUnusable, counted(len(unusable), "Secret")+" of a token that is none: "+listed(unusable, "; "),
			eachOf("kubectl -n kube-system delete secret %s", names))...)
	}
	switch {
	case len(findings) > 0:
		return findings, nil
	case len(tokens) == 0:
		return ok("there is no token"), nil
	}
	return ok("%s, each with an end", counted(len(tokens), "token")), nil
}

// eachOf is the command for the first few of the names.
func eachOf(command string, names []string) string {
	var commands []string
	for _, name := range names[:min(most, len(names))] {
		commands = append(commands, fmt.Sprintf(command, name))
	}
	return strings.Join(commands, "; ")
}

// capacity says how much room cluster-info has for signatures.
func (e *exam) capacity(context.Context) ([]Finding, error) {
	info, _, signing, err := e.signed()
	if err != nil {
		return nil, err
	}
	left, little := info.Room(signing)
	evidence := fmt.Sprintf("cluster-info is to be signed with %s, and has room for %d", counted(signing, "token"), info.Capacity())
	const remedy = "bootctl token delete, of what is not needed; give tokens that need not sign --usages authentication"
	switch {
	case left == 0:
		return one(FAIL, ClusterInfoFull, evidence+": no new token is signed", remedy), nil
	case little:
		return one(WARN, ClusterInfoAlmostFull, evidence, remedy), nil
	}
	return ok("%s", evidence), nil
}
