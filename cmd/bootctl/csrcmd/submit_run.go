package csrcmd

import (
	"context"
	"crypto"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func (o submitOptions) run(ctx context.Context, e *cli.Env) error {
	if err := o.validate(e.Global.Output); err != nil {
		return err
	}
	object, generated, err := o.build(e)
	if err != nil {
		return err
	}
	config, err := e.AdminConfig()
	if err != nil {
		return err
	}
	want, err := o.expected(e, csr.Decode(object), config.Rest)
	if err != nil {
		return err
	}
	client, err := e.ClientOf(config)
	if err != nil {
		return err
	}
	for _, v := range approval.Preview(csr.Decode(object)) {
		e.Warn("bootctl csr approve will refuse it: " + v.Rule + " (" + v.Detail + ")")
	}
	if generated != nil {
		if err := durable.WriteFile(o.key, generated, 0o600); err != nil {
			return err
		}
	}
	sent, err := csr.Submit(ctx, client.Certificates, object)
	if err != nil {
		return err
	}
	request := csr.Decode(sent)
	if err := request.Refused(); err != nil {
		return err
	}
	if o.wait {
		return o.printCertificate(ctx, e, client, request, want, config.Rest)
	}
	result := output.RequestedCertificate{Meta: output.Kind("RequestedCertificate"), Request: certificateRequest(request)}
	return e.Print(cli.Result{
		Object: result, Names: []cli.Name{cmdutil.CSRResource.Reference(request.Name)}, Text: request.Name + "\n",
		Header: []string{"REQUEST", request.Name}, Rows: [][]string{{"signer", result.Request.Signer}, {"key", result.Request.Fingerprint}},
	})
}

// printCertificate waits for the certificate, checks it and prints it.
func (o submitOptions) printCertificate(ctx context.Context, e *cli.Env, client *kubeclient.Client, request csr.Request, want csr.Expected, config *rest.Config) error {
	cmdutil.PrintApprovalCommand(e, request)
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	text, err := waitForCertificate(ctx, e, client, request)
	if err != nil {
		return err
	}
	want.Now = e.Now()
	if _, err := csr.CheckCertificate(text, want); err != nil {
		return err
	}
	v, err := issuedView(request, text)
	if err != nil {
		return err
	}
	if e.Global.Output == "kubeconfig" {
		if v.Formats["kubeconfig"], err = kubeconfigFor(config, request.PKCS10.Subject.CommonName, text, o.key); err != nil {
			return err
		}
	}
	return e.Print(v)
}

// build returns the CSR, and in PEM the key that it was made with unless that was in
// its file before.
func (o submitOptions) build(e *cli.Env) (*certificatesv1.CertificateSigningRequest, []byte, error) {
	wanted, err := o.spec()
	if err != nil {
		return nil, nil, err
	}
	if o.file != "" {
		text, err := e.ReadFile(o.file, cli.MaxFile)
		if err != nil {
			return nil, nil, err
		}
		object, err := csr.FromPKCS10(text, wanted)
		if err != nil || o.key == "" {
			return object, nil, err
		}
		key, err := readKey(e, o.key)
		if err != nil {
			return nil, nil, err
		}
		if err := csr.CheckKey(csr.Decode(object), key); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", o.key, err)
		}
		return object, nil, nil
	}
	var generated []byte
	key, err := readKey(e, o.key)
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = csr.GenerateKey(e.Random); err == nil {
			generated, err = csr.EncodeKey(key)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	object, err := csr.NewRequest(wanted, key, e.Random)
	return object, generated, err
}

// spec returns what the flags ask for.
func (o submitOptions) spec() (csr.RequestSpec, error) {
	wanted := csr.RequestSpec{SignerName: o.signer}
	for _, usage := range o.usages {
		wanted.Usages = append(wanted.Usages, certificatesv1.KeyUsage(strings.TrimSpace(usage)))
	}
	if o.expiration != "" {
		var err error
		if wanted.Expiration, err = cli.ParseDuration("--expiration", o.expiration); err != nil {
			return wanted, err
		}
		if wanted.Expiration == 0 {
			return wanted, fmt.Errorf("%w: --expiration 0 leaves no time", failure.ErrUsage)
		}
	}
	wanted.Template.Subject = pkix.Name{CommonName: o.cn, Organization: o.orgs}
	if o.node != "" {
		wanted.Template.Subject = csr.NodeSubject(o.node)
	}
	if err := csr.AddSANs(&wanted.Template, o.sans...); err != nil {
		return wanted, fmt.Errorf("%w: --san %w", failure.ErrUsage, err)
	}
	return wanted, nil
}

// readKey reads the private key in a file.
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

// expected returns what the certificate must be. Without --ca-file, client certificates
// must be signed by the CA of the cluster, and it is not known who signs others.
func (o submitOptions) expected(e *cli.Env, r csr.Request, config *rest.Config) (want csr.Expected, err error) {
	want = csr.Expect(r)
	switch {
	case !o.wait:
	case o.caFile != "":
		want.Roots, err = e.ReadCAs(o.caFile)
	case r.SignerName != csr.KubeletClient && r.SignerName != csr.APIServerClient:
		e.Warn("who signed the certificate is not checked: the CA of " + r.SignerName + " is not known, give it with --ca-file")
		want.AnyIssuer = true
	default:
		want.Roots, err = cmdutil.KubeconfigCAs(config)
	}
	return want, err
}

// kubeconfigFor returns a kubeconfig for the certificate's user.
func kubeconfigFor(config *rest.Config, user string, certificate []byte, keyPath string) (string, error) {
	if err := rest.LoadTLSFiles(config); err != nil {
		return "", err
	}
	path, err := filepath.Abs(keyPath)
	if err != nil {
		return "", err
	}
	cas, err := certpem.Parse(config.CAData)
	if err != nil {
		return "", fmt.Errorf("%w: its CA: %w", failure.ErrInvalidKubeconfig, err)
	}
	text, err := clusterinfo.UserKubeconfig(config.Host, cas, clusterinfo.User{Name: user, Certificate: certificate, KeyFile: path})
	return string(text), err
}
