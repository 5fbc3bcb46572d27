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

func csrOutput(r csr.Request) output.CSR {
	out := output.CSR{
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

func ruleResults(rules []approval.RuleResult) []output.RuleResult {
	out := make([]output.RuleResult, len(rules))
	for i, rule := range rules {
		out[i] = output.RuleResult(rule)
	}
	return out
}

// outcomeTexts describe what the signer does. The reason follows all but the first.
var outcomeTexts = map[csr.Outcome]string{
	csr.OutcomeIssued:      "issues the certificate after approval",
	csr.OutcomeFailed:      "fails the CSR: ",
	csr.OutcomeNeverSigned: "never signs the CSR: ",
	csr.OutcomeUnknown:     "unknown: ",
}

// sentView shows a CSR that was created.
func sentView(request csr.Request) cli.Result {
	object := output.IssuedCertificate{CSR: csrOutput(request)}
	return requestedView(object, request.Name+"\n", []string{"signer", object.CSR.Signer}, []string{"key", object.CSR.Fingerprint})
}

// issuedView shows a certificate that was issued.
func issuedView(request csr.Request, text []byte) (cli.Result, error) {
	certs, err := certpem.Parse(text)
	if err != nil {
		return cli.Result{}, fmt.Errorf("CSR %s: %w: %w", request.Name, csr.ErrCertificate, err)
	}
	cert := output.Certificate{
		PEM: string(bytes.TrimSpace(text)) + "\n", Subject: certs[0].Subject.String(), Issuer: certs[0].Issuer.String(),
		NotBefore: certs[0].NotBefore.UTC(), NotAfter: certs[0].NotAfter.UTC(),
	}
	object := output.IssuedCertificate{CSR: csrOutput(request), Certificate: &cert}
	object.CSR.Conditions = []string{csr.Approved, csr.Issued}
	v := requestedView(object, cert.PEM,
		[]string{"subject", cert.Subject}, []string{"issued by", cert.Issuer},
		[]string{"valid", cert.NotBefore.Format(time.RFC3339) + " to " + cert.NotAfter.Format(time.RFC3339)},
		[]string{"key", object.CSR.Key + " " + object.CSR.Fingerprint})
	v.Formats = map[string]string{"pem": cert.PEM}
	return v, nil
}

// requestedView shows a CSR, and its certificate if it has one, as text or in rows.
func requestedView(object output.IssuedCertificate, text string, rows ...[]string) cli.Result {
	object.Meta = output.Kind("IssuedCertificate")
	name := object.CSR.Name
	return cli.Result{Object: object, Names: []cli.Name{cmdutil.CSRResource.Reference(name)}, Text: text, Header: []string{"CSR", name}, Rows: rows}
}
