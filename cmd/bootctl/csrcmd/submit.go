package csrcmd

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
)

type submitOptions struct {
	node       string
	cn         string
	orgs       []string
	file       string
	sans       []string
	signer     string
	usages     []string
	expiration string
	key        string
	wait       bool
	timeout    time.Duration
	caFile     string
}

func (o *submitOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.node, "node", "", "ask for the node of this `name`: its client certificate, with --san its serving certificate")
	fs.StringVar(&o.cn, "cn", "", "ask for this common `name`, which is the name of a user")
	fs.StringArrayVar(&o.orgs, "org", nil, "with --cn, this `organization`, which is a group of the user; may be repeated")
	fs.StringVarP(&o.file, "file", "f", "", "send the request in this `file` instead, PKCS#10 in PEM (- is stdin)")
	fs.StringArrayVar(&o.sans, "san", nil, "a subject alternative `name`: DNS name, IP address, email address or URI; may be repeated")
	fs.StringVar(&o.signer, "signer", "", "the `name` of the signer; else the one of Kubernetes for what is asked")
	fs.StringSliceVar(&o.usages, "usages", nil, "the usages, such as \"digital signature,client auth\"; else those that the signer takes")
	fs.StringVar(&o.expiration, "expiration", "", "ask for a certificate of this `lifetime`, such as 24h or 30d")
	fs.StringVar(&o.key, "key", "", "the private key is in this `file`; made there when it does not exist")
	fs.BoolVar(&o.wait, "wait", false, "wait for the certificate, check it, and print it")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "with --wait, give up after this long")
	cli.Requires(fs, "wait", "timeout")
	cli.Requires(fs, "cn", "org")
	fs.StringVar(&o.caFile, "ca-file", "", "the CA of the signer, in this `file`; else the cluster's, for the signers of clients")
}

func newSubmit(e *cli.Env) *cobra.Command {
	var o submitOptions
	cmd := &cobra.Command{
		Use:   "submit --node NODE | --cn NAME | -f FILE",
		Short: "Ask for a certificate, and fetch it",
		Long: `Makes a certificate signing request, checks it against the rules of its signer, and
sends it. The private key is in the file that --key names; it is made there when
there is none, readable by its owner alone, and never leaves the machine.

The request's name comes of its key, subject and usages. So the same command again
takes up the same request; one of that name that differs in anything is exit
code 9. Without --wait the name is printed. With --wait the certificate is, once it
has come and has been checked: our key, subject, names and usages, from the CA of
the signer, valid now. -o kubeconfig prints a kubeconfig with it that refers to the
file of the key.

Needs create, get and, with --wait, watch on certificatesigningrequests.`,
		Example: `  bootctl csr submit --cn jane --org dev --key jane.key --expiration 30d --wait -o kubeconfig > jane.kubeconfig
  bootctl csr submit --node worker-1 --key worker-1.key --wait > worker-1.crt
  bootctl csr submit --node worker-1 --san worker-1 --san 192.0.2.7 --key serving.key
  bootctl csr submit -f server.csr --signer example.com/servers --usages "digital signature,server auth"`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{cli.FormatsAnnotation: "pem kubeconfig"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runSubmit(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

// check returns an error when the flags do not fit together.
func (o submitOptions) check(format string) error {
	what, problem := 0, ""
	for _, given := range []string{o.node, o.cn, o.file} {
		if given != "" {
			what++
		}
	}
	switch {
	case what != 1:
		problem = "give one of --node, --cn and -f"
	case o.node != "" && csr.ValidateNodeName(o.node) != nil:
		return csr.ValidateNodeName(o.node)
	case len(o.sans) > 0 && o.file != "":
		problem = "the names are in the file, so --san is not for -f"
	case o.key == "" && o.file == "":
		problem = "--key says which file the private key is in, or is to be made in"
	case o.key == "" && format == "kubeconfig":
		problem = "-o kubeconfig refers to the private key: give --key"
	case !o.wait && (format == "pem" || format == "kubeconfig"):
		problem = "-o " + format + " is of the certificate: give --wait"
	case !o.wait && o.caFile != "":
		problem = "--ca-file checks the certificate: give --wait"
	case o.timeout <= 0:
		problem = fmt.Sprintf("--timeout %s leaves no time", o.timeout)
	}
	if problem != "" {
		return fmt.Errorf("%w: %s", failure.ErrUsage, problem)
	}
	return nil
}

func runSubmit(ctx context.Context, e *cli.Env, o submitOptions) error {
	if err := o.check(e.Global.Output); err != nil {
		return err
	}
	object, key, err := prepareRequest(e, o)
	if err != nil {
		return err
	}
	config, err := e.AdminConfig()
	if err != nil {
		return err
	}
	want, err := expectedCertificate(e, o, csr.Decode(object), config.Rest)
	if err != nil {
		return err
	}
	client, err := e.ClientOf(config)
	if err != nil {
		return err
	}
	warnAboutPolicy(e, csr.Decode(object))
	if err := key.save(); err != nil {
		return err
	}
	sent, err := csr.Submit(ctx, client.Certificates, object)
	if err != nil {
		return err
	}
	request := csr.Decode(sent)
	if err := request.Refused(); err != nil {
		return err
	}
	if !o.wait {
		result := output.RequestedCertificate{Meta: output.Kind("RequestedCertificate"), Request: certificateRequest(request)}
		return e.Print(cli.Result{
			Object: result, Names: []cli.Name{cmdutil.CSRResource.Reference(request.Name)}, Text: request.Name + "\n",
			Header: []string{"REQUEST", request.Name}, Rows: [][]string{{"signer", result.Request.Signer}, {"key", result.Request.Fingerprint}},
		})
	}
	cmdutil.PrintApprovalCommand(e, request)
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	text, err := waitForCertificate(e, ctx, client, request)
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
		if v.Formats["kubeconfig"], err = kubeconfigFor(config.Rest, request.PKCS10.Subject.CommonName, text, o.key); err != nil {
			return err
		}
	}
	return e.Print(v)
}

// warnAboutPolicy says which rules of csr approve a request breaks, whoever sends it
// and whatever the cluster holds.
func warnAboutPolicy(e *cli.Env, r csr.Request) {
	for _, v := range approval.Violations(approval.Check(r, approval.Facts{Signer: r.SignerName})) {
		if slices.Contains([]string{"not privileged", "lifetime", "subject", "node name", "no extensions", "no other extensions"}, v.Rule) {
			e.Warn("bootctl csr approve will refuse it: " + v.Rule + " (" + v.Detail + ")")
		}
	}
}

// keyFile is a private key that may have to be written first.
type keyFile struct {
	path string
	text []byte // nil when it is there already
}

func (k keyFile) save() error {
	if k.text == nil {
		return nil
	}
	return durable.WriteFile(k.path, k.text, 0o600)
}

// prepareRequest makes the request and, where there is none, the key, which is
// not written yet.
func prepareRequest(e *cli.Env, o submitOptions) (*certificatesv1.CertificateSigningRequest, keyFile, error) {
	wanted := csr.RequestSpec{SignerName: o.signer}
	for _, usage := range o.usages {
		wanted.Usages = append(wanted.Usages, certificatesv1.KeyUsage(strings.TrimSpace(usage)))
	}
	if o.expiration != "" {
		var err error
		if wanted.Expiration, err = cli.ParseDuration("--expiration", o.expiration); err != nil {
			return nil, keyFile{}, err
		}
		if wanted.Expiration == 0 {
			return nil, keyFile{}, fmt.Errorf("%w: --expiration 0 leaves no time", failure.ErrUsage)
		}
	}
	if o.file != "" {
		text, err := e.ReadFile(o.file, cli.MaxFile)
		if err != nil {
			return nil, keyFile{}, err
		}
		object, err := csr.FromPKCS10(text, wanted)
		if err == nil && o.key != "" {
			err = checkKey(e, object, o.key)
		}
		return object, keyFile{}, err
	}
	wanted.Template.Subject = pkix.Name{CommonName: o.cn, Organization: o.orgs}
	if o.node != "" {
		wanted.Template.Subject = csr.NodeSubject(o.node)
	}
	if err := addNames(&wanted.Template, o.sans); err != nil {
		return nil, keyFile{}, err
	}
	key, file, err := readOrGenerateKey(e, o.key)
	if err != nil {
		return nil, keyFile{}, err
	}
	object, err := csr.NewRequest(wanted, key, e.Random)
	return object, file, err
}

// checkKey returns an error unless the request is for the private key in the file.
func checkKey(e *cli.Env, object *certificatesv1.CertificateSigningRequest, path string) error {
	text, err := e.ReadFile(path, cli.MaxFile)
	if err != nil {
		return err
	}
	key, err := csr.ParseKey(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if csr.Fingerprint(key.Public()) != csr.Fingerprint(csr.Decode(object).PKCS10.PublicKey) {
		return fmt.Errorf("%s: %w: the request is for another key", path, csr.ErrInvalidKey)
	}
	return nil
}

// readOrGenerateKey reads the private key in a file, or makes one where there is no file.
func readOrGenerateKey(e *cli.Env, path string) (crypto.Signer, keyFile, error) {
	text, err := e.ReadFile(path, cli.MaxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		key, err := csr.GenerateKey(e.Random)
		if err != nil {
			return nil, keyFile{}, err
		}
		text, err := csr.EncodeKey(key)
		return key, keyFile{path, text}, err
	case err != nil:
		return nil, keyFile{}, err
	}
	key, err := csr.ParseKey(text)
	if err != nil {
		return nil, keyFile{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, keyFile{path: path}, nil
}

// addNames sorts subject alternative names by their kind.
func addNames(template *x509.CertificateRequest, names []string) error {
	for _, name := range names {
		ip := net.ParseIP(name)
		switch {
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		case strings.Contains(name, "://"):
			uri, err := url.Parse(name)
			if err != nil {
				return fmt.Errorf("%w: --san %q: it is not a URI", failure.ErrUsage, name)
			}
			template.URIs = append(template.URIs, uri)
		case strings.Contains(name, "@"):
			template.EmailAddresses = append(template.EmailAddresses, name)
		case csr.ValidateNodeName(strings.TrimPrefix(name, "*.")) != nil: // the rules of a host name are the same
			return fmt.Errorf("%w: --san %q is not a DNS name, IP address, email address or URI", failure.ErrUsage, name)
		default:
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return nil
}

// expectedCertificate says what the certificate must be. The CA of the cluster signs clients
// where nothing else is said; who signs others is not known.
func expectedCertificate(e *cli.Env, o submitOptions, r csr.Request, config *rest.Config) (csr.Expected, error) {
	want := csr.Expect(r)
	if !o.wait {
		return want, nil
	}
	var err error
	switch {
	case o.caFile != "":
		want.Roots, err = e.ReadCAs(o.caFile)
		return want, err
	case r.SignerName != csr.KubeletClient && r.SignerName != csr.APIServerClient:
		e.Warn("who signed the certificate is not checked: the CA of " + r.SignerName + " is not known, give it with --ca-file")
		want.AnyIssuer = true
		return want, nil
	}
	want.Roots, err = cmdutil.KubeconfigCAs(config)
	return want, err
}

// kubeconfigFor writes a kubeconfig for whoever the certificate is of.
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
