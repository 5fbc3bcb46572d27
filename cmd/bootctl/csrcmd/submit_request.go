package csrcmd

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/csr"
)

// build returns the CSR and, if the key file does not exist, the generated key in PEM.
func (o submitOptions) build(e *cli.Env) (object *certificatesv1.CertificateSigningRequest, generated []byte, err error) {
	wanted, err := o.spec()
	if err != nil {
		return nil, nil, err
	}
	if o.file != "" {
		object, err = o.fromFile(e, wanted)
		return object, nil, err
	}
	key, err := readKey(e, o.key)
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = csr.GenerateKey(e.Random); err == nil {
			generated, err = csr.EncodeKey(key)
		}
	}
	if err == nil {
		object, err = csr.NewRequest(wanted, key, e.Random)
	}
	return object, generated, err
}

// fromFile returns the CSR in the file. If a key is given, the CSR must be for that key.
func (o submitOptions) fromFile(e *cli.Env, wanted csr.RequestSpec) (*certificatesv1.CertificateSigningRequest, error) {
	text, err := e.ReadFile(o.file, cli.MaxFile)
	if err != nil {
		return nil, err
	}
	object, err := csr.FromPKCS10(text, wanted)
	if err != nil || o.key == "" {
		return object, err
	}
	key, err := readKey(e, o.key)
	if err != nil {
		return nil, err
	}
	if err := csr.CheckKey(csr.Decode(object), key); err != nil {
		return nil, fmt.Errorf("%s: %w", o.key, err)
	}
	return object, nil
}

// readKey reads a private key file.
func readKey(e *cli.Env, path string) (crypto.Signer, error) {
	text, err := e.ReadFile(path, cli.MaxFile)
	if err != nil {
		return nil, err
	}
	key, err := csr.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// spec returns the CSR that the flags specify.
func (o submitOptions) spec() (csr.RequestSpec, error) {
	wanted := o.RequestSpec
	for _, usage := range o.usages {
		wanted.Usages = append(wanted.Usages, certificatesv1.KeyUsage(strings.TrimSpace(usage)))
	}
	if o.expiration != "" {
		lifetime, err := cli.ParseDuration("--expiration", o.expiration)
		if err := cmp.Or(err, cli.UsageIf(lifetime == 0, "--expiration must be positive")); err != nil {
			return wanted, err
		}
		wanted.Expiration = lifetime
	}
	if o.node != "" {
		wanted.Template.Subject = csr.NodeSubject(o.node)
	}
	if err := csr.AddSANs(&wanted.Template, o.sans...); err != nil {
		return wanted, failure.Usagef("--san %w", err)
	}
	return wanted, nil
}

// expected returns the expected content of the certificate. Without --ca-file, the
// cluster's CA must sign client certificates, and other certificates can have any issuer.
func (o submitOptions) expected(e *cli.Env, r csr.Request, config *rest.Config) (want csr.Expected, err error) {
	want = csr.Expect(r)
	switch {
	case !o.wait:
	case o.caFile != "":
		want.Roots, err = e.ReadCAs(o.caFile)
	case r.SignerName != csr.KubeletClient && r.SignerName != csr.APIServerClient:
		e.Warn("the issuer of the certificate is not verified; to verify it, pass the CA of " + r.SignerName + " with --ca-file")
		want.AnyIssuer = true
	default:
		want.Roots, err = cmdutil.KubeconfigCAs(config)
	}
	return want, err
}
