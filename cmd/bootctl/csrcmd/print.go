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
	object := output.RequestedCertificate{Meta: output.Kind("RequestedCertificate"), Request: certificateRequest(request)}
	return cli.Result{
		Object: object, Names: []cli.Name{cmdutil.CSRResource.Reference(request.Name)}, Text: request.Name + "\n",
		Header: []string{"REQUEST", request.Name}, Rows: [][]string{{"signer", object.Request.Signer}, {"key", object.Request.Fingerprint}},
	}
}

// issuedView shows a certificate that was issued.
func issuedView(request csr.Request, text []byte) (cli.Result, error) {
	certs, err := certpem.Parse(text)
	if err != nil {
		return cli.Result{}, fmt.Errorf("request %s: %w: %w", request.Name, csr.ErrCertificate, err)
	}
	text = append(bytes.TrimSpace(text), '\n')
	object := output.RequestedCertificate{
		Meta: output.Kind("RequestedCertificate"), Request: certificateRequest(request),
		Certificate: &output.Certificate{
			PEM: string(text), Subject: certs[0].Subject.String(), Issuer: certs[0].Issuer.String(),
			NotBefore: certs[0].NotBefore.UTC(), NotAfter: certs[0].NotAfter.UTC(),
		},
	}
	object.Request.Conditions = []string{csr.Approved, csr.Issued}
	return cli.Result{
		Object: object, Names: []cli.Name{cmdutil.CSRResource.Reference(request.Name)}, Text: string(text),
		Header: []string{"REQUEST", request.Name},
		Rows: [][]string{
			{"subject", object.Certificate.Subject}, {"issued by", object.Certificate.Issuer},
			{"valid", object.Certificate.NotBefore.Format(time.RFC3339) + " to " + object.Certificate.NotAfter.Format(time.RFC3339)},
			{"key", object.Request.Key + " " + object.Request.Fingerprint},
		},
		Formats: map[string]string{"pem": string(text)},
	}, nil
}
