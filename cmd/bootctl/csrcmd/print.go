package csrcmd

import (
	"bytes"
	"fmt"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

func certificateRequest(r csr.Request) output.CertificateRequest {
	out := output.CertificateRequest{
		Name:              r.Name,
		UID:               r.UID,
		Created:           r.Created.UTC(),
		Signer:            r.SignerName,
		Requester:         r.Username,
		Groups:            cli.OrEmpty(r.Groups),
		NodeName:          r.NodeName(),
		Subject:           r.Subject(),
		SANs:              cli.OrEmpty(r.SANs()),
		Usages:            cli.OrEmpty(r.Usages),
		ExpirationSeconds: r.ExpirationSeconds,
		Conditions:        r.Conditions,
		Reason:            r.Reason,
		Message:           r.Message,
		Problem:           r.Problem,
	}
	if r.PKCS10 != nil {
		out.Key = csr.KeyType(r.PKCS10.PublicKey)
		out.Fingerprint = csr.Fingerprint(r.PKCS10.PublicKey)
	}
	return out
}

func verdicts(rules []approval.RuleResult) []output.Verdict {
	out := make([]output.Verdict, len(rules))
	for i, rule := range rules {
		out[i] = output.Verdict(rule)
	}
	return out
}

// outcomeTexts say what the signer does, all but the first before its reason.
var outcomeTexts = map[csr.Outcome]string{
	csr.OutcomeIssued:      "issues the certificate once it is approved",
	csr.OutcomeFailed:      "fails it: ",
	csr.OutcomeNeverSigned: "never signs it: ",
	csr.OutcomeUnknown:     "decides by itself: ",
}

// sentView shows a request that was sent.
func sentView(request csr.Request) cli.Result {
	object := output.RequestedCertificate{Request: certificateRequest(request)}
	return requestedView(object, request.Name+"\n", []string{"signer", object.Request.Signer}, []string{"key", object.Request.Fingerprint})
}

// issuedView shows a certificate that was issued.
func issuedView(request csr.Request, text []byte) (cli.Result, error) {
	certs, err := certpem.Parse(text)
	if err != nil {
		return cli.Result{}, fmt.Errorf("request %s: %w: %w", request.Name, csr.ErrCertificate, err)
	}
	cert := output.Certificate{
		PEM: string(bytes.TrimSpace(text)) + "\n", Subject: certs[0].Subject.String(), Issuer: certs[0].Issuer.String(),
		NotBefore: certs[0].NotBefore.UTC(), NotAfter: certs[0].NotAfter.UTC(),
	}
	object := output.RequestedCertificate{Request: certificateRequest(request), Certificate: &cert}
	object.Request.Conditions = []string{csr.Approved, csr.Issued}
	v := requestedView(object, cert.PEM,
		[]string{"subject", cert.Subject}, []string{"issued by", cert.Issuer},
		[]string{"valid", cert.NotBefore.Format(time.RFC3339) + " to " + cert.NotAfter.Format(time.RFC3339)},
		[]string{"key", object.Request.Key + " " + object.Request.Fingerprint})
	v.Formats = map[string]string{"pem": cert.PEM}
	return v, nil
}

// requestedView shows a request, and its certificate if there is one, as text or in rows.
func requestedView(object output.RequestedCertificate, text string, rows ...[]string) cli.Result {
	object.Meta = output.Kind("RequestedCertificate")
	name := object.Request.Name
	return cli.Result{Object: object, Names: []cli.Name{cmdutil.CSRResource.Reference(name)}, Text: text, Header: []string{"REQUEST", name}, Rows: rows}
}
