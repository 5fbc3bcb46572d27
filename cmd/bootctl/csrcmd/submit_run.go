package csrcmd

import (
	"context"
	"fmt"
	"path/filepath"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/failure"
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
	request, err := o.send(ctx, e, client, object, generated)
	if err != nil {
		return err
	}
	if !o.wait {
		return e.Print(sentView(request))
	}
	text, err := o.fetch(ctx, e, client, request, want)
	if err != nil {
		return err
	}
	v, err := issuedView(request, text)
	if err == nil && e.Global.Output == "kubeconfig" {
		v.Formats["kubeconfig"], err = kubeconfigFor(config.Rest, request.PKCS10.Subject.CommonName, text, o.key)
	}
	if err != nil {
		return err
	}
	return e.Print(v)
}

// send writes the key if it was generated, and submits the CSR.
func (o submitOptions) send(ctx context.Context, e *cli.Env, client *kubeclient.Client, object *certificatesv1.CertificateSigningRequest, key []byte) (csr.Request, error) {
	for _, rule := range approval.Preview(csr.Decode(object)) {
		e.Warn("bootctl csr approve will refuse this CSR: " + rule.String())
	}
	if key != nil {
		if err := durable.WriteFile(o.key, key, 0o600); err != nil {
			return csr.Request{}, err
		}
	}
	sent, err := csr.Submit(ctx, client.Certificates, object)
	if err != nil {
		return csr.Request{}, err
	}
	request := csr.Decode(sent)
	return request, request.Refused()
}

// fetch waits for the certificate and verifies it.
func (o submitOptions) fetch(ctx context.Context, e *cli.Env, client *kubeclient.Client, request csr.Request, want csr.Expected) ([]byte, error) {
	cmdutil.PrintApprovalCommand(e, request)
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	text, err := approval.Wait(ctx, client, request, e.Observe)
	if err == nil {
		want.Now = e.Now()
		_, err = csr.CheckCertificate(text, want)
	}
	return text, err
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
	text, err := clusterinfo.UserKubeconfig(config.Host, cas, user, &clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKey: path})
	return string(text), err
}
