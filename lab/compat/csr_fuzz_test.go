package compat

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"net"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	capihelper "k8s.io/kubernetes/pkg/apis/certificates"
	"k8s.io/kubernetes/pkg/controller/certificates/authority"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// usageMask selects usages by the bits of a number.
func usageMask(mask uint16) []certificatesv1.KeyUsage {
	all := []certificatesv1.KeyUsage{
		"digital signature", "key encipherment", "client auth", "server auth", "cert sign", "any", "crl sign", "code signing",
	}
	var chosen []certificatesv1.KeyUsage
	for i, usage := range all {
		if mask&(1<<i) != 0 {
			chosen = append(chosen, usage)
		}
	}
	if mask&(1<<len(all)) != 0 && len(chosen) > 0 {
		chosen = append(chosen, chosen[0])
	}
	return chosen
}

// signedRequest builds a CSR with a subject and attributes, both in DER, and signs it
// with the key.
func signedRequest(key *ecdsa.PrivateKey, subject, attributes []byte) ([]byte, error) {
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	info, err := asn1.Marshal(struct {
		Version    int
		Subject    asn1.RawValue
		Key        asn1.RawValue
		Attributes asn1.RawValue
	}{
		0, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: subject}, asn1.RawValue{FullBytes: public},
		asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: attributes},
	})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(info)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(struct {
		Info      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: info}, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}},
		asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), err
}

// upstream reports whether the API server stores the CSR and whether the Kubernetes
// signer signs it, by their own code.
func upstream(object *certificatesv1.CertificateSigningRequest, ca testca.CA) (stored bool, err error) {
	parsed, err := capihelper.ParseCSR(object.Spec.Request)
	if err != nil || parsed.CheckSignature() != nil {
		return false, nil //nolint:nilerr // an unreadable CSR is not stored
	}
	usages := sets.NewString()
	for _, usage := range object.Spec.Usages {
		if usages.Has(string(usage)) {
			return false, nil
		}
		usages.Insert(string(usage))
	}
	if len(usages) == 0 {
		return false, nil
	}
	switch object.Spec.SignerName {
	case csr.KubeletClient:
		err = capihelper.ValidateKubeletClientCSR(parsed, usages)
	case csr.KubeletServing:
		err = capihelper.ValidateKubeletServingCSR(parsed, usages)
	default:
		if !usages.Has("client auth") || usages.Difference(sets.NewString("client auth", "digital signature", "key encipherment")).Len() > 0 {
			err = errors.New("the usages do not match a client certificate")
		}
	}
	if err != nil {
		return true, err
	}
	signer := authority.CertificateAuthority{Certificate: ca.Certificate, PrivateKey: ca.Key}
	_, err = signer.Sign(parsed.Raw, authority.PermissiveSigningPolicy{TTL: time.Hour, Usages: object.Spec.Usages, Backdate: 5 * time.Minute, Short: 8 * time.Hour})
	return true, err
}

// FuzzRules compares with Kubernetes' own code: its signer signs every CSR that passes
// the policy, and does what bootctl predicts.
func FuzzRules(f *testing.F) {
	key, ca := testca.Key(f), testca.New(f, time.Now())
	seed(f, key, func(*x509.CertificateRequest) {}, 5, 0)
	seed(f, key, func(r *x509.CertificateRequest) { r.DNSNames = []string{"n"} }, 9, 1)
	seed(f, key, func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }, 11, 1)
	seed(f, key, func(r *x509.CertificateRequest) {
		r.Subject = pkix.Name{CommonName: "jane", Organization: []string{"dev", "ops"}}
	}, 4, 2)
	seed(f, key, func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@b"} }, 256+5, 0)
	f.Fuzz(func(t *testing.T, subject, attributes []byte, mask uint16, signer uint8) {
		text, err := signedRequest(key, subject, attributes)
		if err != nil {
			return
		}
		names := []string{csr.KubeletClient, csr.KubeletServing, csr.APIServerClient}
		object := &certificatesv1.CertificateSigningRequest{Spec: certificatesv1.CertificateSigningRequestSpec{
			Request: text, SignerName: names[int(signer)%len(names)], Usages: usageMask(mask),
		}}
		r := csr.Decode(object)
		object.Spec.Username = csr.NodeUserPrefix + r.NodeName()
		r = csr.Decode(object)
		stored, signing := upstream(object, ca)
		facts := approval.Facts{Signer: object.Spec.SignerName, NodeExists: true, NodeAddresses: []string{"n", "10.0.0.1"}}
		if refusals := approval.Violations(approval.Check(r, facts)); len(refusals) == 0 && (!stored || signing != nil) {
			t.Errorf("the CSR passes the policy and Kubernetes does not sign it: stored %v, %v", stored, signing)
		}
		outcome, reason := csr.Predict(r)
		if stored && (outcome == csr.OutcomeIssued) != (signing == nil) {
			t.Errorf("predicted %s (%s), but the signer returns: %v", outcome, reason, signing)
		}
	})
}

// seed creates a CSR from a template and adds its subject and attributes to the corpus.
func seed(f *testing.F, key *ecdsa.PrivateKey, change func(*x509.CertificateRequest), mask uint16, signer uint8) {
	f.Helper()
	template := &x509.CertificateRequest{Subject: csr.NodeSubject("n")}
	change(template)
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		f.Fatal(err)
	}
	var request struct {
		Info struct {
			Version    int
			Subject    asn1.RawValue
			Key        asn1.RawValue
			Attributes asn1.RawValue
		}
		Rest      asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &request); err != nil {
		f.Fatal(err)
	}
	f.Add(request.Info.Subject.Bytes, request.Info.Attributes.Bytes, mask, signer)
}
