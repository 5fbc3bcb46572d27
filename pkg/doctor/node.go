package doctor

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// What a node looks at.
const (
	nodeEndpoint       = "endpoint"
	nodeClock          = "clock"
	nodeAnonymous      = "anonymous"
	nodeClusterInfo    = "cluster-info"
	nodeCA             = "ca"
	nodeCertificate    = "certificate"
	nodeServer         = "server"
	nodeSignatures     = "signatures"
	nodeAuthentication = "token-authentication"
)

// Node looks at the cluster from where a node is, with nothing but what a node has.
type Node struct {
	// Discovery has the one endpoint, and pins, CA certificates and a token as far as
	// they are known. Without pins and CA certificates nothing is verified and nothing
	// sent but anonymous requests, unless SkipCAVerification says that the token's
	// signature is enough.
	Discovery clusterinfo.Options
}

// Run asks for cluster-info at the endpoint without credentials, and says what a node
// would meet. With a token, it is sent over a connection that the pinned CA verifies,
// to see whether it is accepted. What cannot be looked at because of a failure before
// is left out.
//
// Access: none; system:anonymous gets the configmap cluster-info in kube-public, and a
// token creates selfsubjectreviews, as every authenticated user may.
func (n Node) Run(ctx context.Context) []Finding {
	v := &visit{Options: n.Discovery, endpoint: n.Discovery.Endpoints[0]}
	v.watch = &clusterinfo.Clock{Now: v.Client.Now}
	v.Client = v.watch.Watch(v.Client)
	seen, err := v.FetchAnonymous(ctx, v.endpoint, nil)
	if isReached(err) {
		v.ok(nodeEndpoint, "%s answers as an API server", v.endpoint)
		v.clock()
		v.document(ctx, seen, err)
	} else {
		v.fail(nodeEndpoint, err)
	}
	return v.findings
}

// visit is a look at one endpoint under way.
type visit struct {
	clusterinfo.Options
	endpoint clusterinfo.Endpoint
	watch    *clusterinfo.Clock
	rejected bool // the token
	findings []Finding
}

func (v *visit) ok(check, format string, args ...any) {
	v.findings = append(v.findings, Finding{Check: check, Status: OK, Evidence: fmt.Sprintf(format, args...)})
}

func (v *visit) fail(check string, err error) {
	err = v.watch.Explain(err)
	v.findings = append(v.findings, nodeTrouble(err).finding(check, err))
}

func (v *visit) warn(check string, t trouble, format string, args ...any) {
	v.findings = append(v.findings, Finding{check, WARN, t.reason, fmt.Sprintf(format, args...), t.remedy})
}

// isReached says whether an API server has answered, even if with no.
func isReached(err error) bool {
	return err == nil || errors.Is(err, clusterinfo.ErrAnonymous) || errors.Is(err, clusterinfo.ErrNotFound)
}

func (v *visit) clock() {
	v.findings = append(v.findings, named(nodeClock, skew(v.watch))...)
}

// document looks at cluster-info and, where it is one, at what it says; where it is
// none, the given CA certificates still tell something.
func (v *visit) document(ctx context.Context, seen clusterinfo.Info, err error) {
	var document clusterinfo.Document
	if err != nil {
		v.fail(nodeAnonymous, err)
	} else {
		v.ok(nodeAnonymous, "cluster-info can be read without credentials")
		document, err = clusterinfo.ParseDocument(seen.Raw)
	}
	if errors.Is(err, clusterinfo.ErrDocument) {
		v.fail(nodeClusterInfo, err)
	}
	if err != nil {
		document.CAs = v.CAs
	} else {
		v.ok(nodeClusterInfo, "it names the server %s; CA certificates: %d", document.Server, len(document.CAs))
	}
	if len(document.CAs) > 0 {
		v.authorities(ctx, seen, document)
	}
	v.authenticate(ctx)
	if err == nil {
		v.signatures(seen)
	}
}

// authorities looks at the CA certificates, and at the servers that they are to
// verify.
func (v *visit) authorities(ctx context.Context, seen clusterinfo.Info, document clusterinfo.Document) {
	trust := v.Options
	if !v.isTrustGiven() { // for anonymous requests alone
		trust.SkipCAVerification = true
	}
	roots, err := trust.Trusted(document.CAs)
	if err != nil {
		v.fail(nodeCA, err)
		return
	}
	v.authority(roots)
	again, err := v.FetchAnonymous(ctx, v.endpoint, roots)
	switch {
	case !isReached(err):
		v.fail(nodeCertificate, err)
	case err == nil && len(seen.Raw) > 0 && !bytes.Equal(seen.Raw, again.Raw):
		v.fail(nodeCertificate, clusterinfo.ErrChanged)
	default:
		v.ok(nodeCertificate, "that of %s is for this address, and its CA %s", v.endpoint, v.howVerified())
	}
	if document.Server != "" && document.Server != v.endpoint {
		v.server(ctx, document.Server, roots)
	}
}

// isTrustGiven says whether anything was given that the cluster can be known by.
func (v *visit) isTrustGiven() bool { return len(v.Pins) > 0 || len(v.CAs) > 0 }

func (v *visit) howVerified() string {
	if v.isTrustGiven() {
		return "was given"
	}
	return "is in cluster-info alone, which nothing verifies"
}

// authority looks at the CA certificates that may be trusted.
func (v *visit) authority(roots []*x509.Certificate) {
	var pins []string
	for _, pin := range clusterinfo.Pins(roots) {
		pins = append(pins, pin.String())
	}
	term := clusterinfo.TermOf(roots, v.Client.Now())
	text := fmt.Sprintf("%s %s; %s", strings.Join(pins, ", "), v.howVerified(), strings.Join(term.Words, ", "))
	switch {
	case term.Ends:
		v.warn(nodeCA, trouble{CAExpiresSoon, "renew the CA of the cluster, then publish it beside the old one: " + publish}, "%s", text)
	case !v.isTrustGiven():
		v.warn(nodeCA, nodeTrouble(clusterinfo.ErrNoTrust), "%s", text)
	default:
		v.ok(nodeCA, "%s", text)
	}
}

// server looks at the address that cluster-info tells nodes, where that is another.
func (v *visit) server(ctx context.Context, server clusterinfo.Endpoint, roots []*x509.Certificate) {
	if server.IsLoopback() && !v.endpoint.IsLoopback() {
		v.findings = append(v.findings, Finding{
			nodeServer, FAIL, EndpointLoopback,
			fmt.Sprintf("cluster-info tells nodes to ask %s, which is each machine itself", server), publish,
		})
		return
	}
	switch _, err := v.FetchAnonymous(ctx, server, roots); {
	case !isReached(err):
		v.fail(nodeServer, from(server, err))
	default:
		v.ok(nodeServer, "cluster-info tells nodes to ask %s, where the CA of the certificate %s", server, v.howVerified())
	}
}

// signatures looks at that of the token, or at how many there are.
func (v *visit) signatures(seen clusterinfo.Info) {
	count := fmt.Sprintf("signatures in cluster-info: %d", len(seen.Signatures))
	id := v.Token.ID()
	fail := func(reason, remedy string) {
		v.findings = append(v.findings, Finding{nodeSignatures, FAIL, reason, fmt.Sprintf("%s; that of token %s is %s", count, id, clusterinfo.Check(seen, v.Token)), remedy})
	}
	switch {
	case v.Token.IsZero() && len(seen.Signatures) == 0:
		v.warn(nodeSignatures, nodeTrouble(clusterinfo.ErrUnsigned), "%s: nobody can join with a token", count)
	case v.Token.IsZero():
		v.ok(nodeSignatures, "%s; without a token none can be checked", count)
	case clusterinfo.Check(seen, v.Token) == clusterinfo.Missing:
		t := nodeTrouble(clusterinfo.ErrUnsigned)
		if v.rejected { // then nobody signs with it
			t.remedy = nodeTrouble(clusterinfo.ErrTokenRejected).remedy
		}
		fail(t.reason, t.remedy)
	case clusterinfo.Check(seen, v.Token) == clusterinfo.Stale:
		t := nodeTrouble(clusterinfo.ErrSignature)
		fail(t.reason, t.remedy)
	case clusterinfo.Check(seen, v.Token) == clusterinfo.Malformed:
		fail(SignatureInvalid, "bootctl cluster-info sign")
	default:
		v.ok(nodeSignatures, "%s; that of token %s is %s", count, id, clusterinfo.Valid)
	}
}

// authenticate sends the token to a server that what was given verifies, and to no
// other.
func (v *visit) authenticate(ctx context.Context) {
	if v.Token.IsZero() || !v.isTrustGiven() && !v.SkipCAVerification {
		return
	}
	identity, err := clusterinfo.Identify(ctx, v.Options)
	v.rejected = errors.Is(err, clusterinfo.ErrTokenRejected)
	switch {
	case err == nil:
		v.ok(nodeAuthentication, "the API server takes token %s for %s in %s", v.Token.ID(), identity.Username, strings.Join(identity.Groups, ", "))
	case v.failedBefore(err):
	default:
		v.fail(nodeAuthentication, err)
	}
}

// failedBefore says whether the reason has been told of another check already.
func (v *visit) failedBefore(err error) bool {
	reason := nodeTrouble(v.watch.Explain(err)).reason
	return slices.ContainsFunc(v.findings, func(f Finding) bool { return f.Reason == reason && f.Status == FAIL })
}
