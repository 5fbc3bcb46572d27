package csrcmd

import (
	"cmp"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/csr"
)

type submitOptions struct {
	csr.RequestSpec // the fields that need no parsing
	node, file, key string
	sans, usages    []string
	expiration      string
	wait            bool
	timeout         time.Duration
	caFile          string
}

func (o *submitOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.node, "node", "", "`name` of the node; a client certificate, or with --san a serving certificate")
	subject := &o.Template.Subject
	fs.StringVar(&subject.CommonName, "cn", "", "common `name`, the name of the Kubernetes user")
	fs.StringArrayVar(&subject.Organization, "org", nil, "with --cn, an `organization`, a group of the Kubernetes user; can be repeated")
	fs.StringVarP(&o.file, "file", "f", "", "submit the PKCS#10 CSR in this PEM `file` (- for stdin)")
	fs.StringArrayVar(&o.sans, "san", nil, "subject alternative `name` (DNS name, IP, email address, or URI); can be repeated")
	fs.StringVar(&o.SignerName, "signer", "", "`name` of the signer. Defaults to the Kubernetes signer for the certificate")
	fs.StringSliceVar(&o.usages, "usages", nil, "key usages, such as \"digital signature,client auth\". Defaults to the signer's")
	fs.StringVar(&o.expiration, "expiration", "", "requested `lifetime` of the certificate, such as 24h or 30d")
	fs.StringVar(&o.key, "key", "", "private key `file`, created if it does not exist")
	fs.BoolVar(&o.wait, "wait", false, "wait for the certificate, verify it, and print it")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "with --wait, maximum time to wait")
	cli.Requires(fs, "wait", "timeout")
	cli.Requires(fs, "cn", "org")
	fs.StringVar(&o.caFile, "ca-file", "", "CA `file` of the signer. For client signers, defaults to the cluster's CA")
}

func newSubmit(e *cli.Env) *cobra.Command {
	var o submitOptions
	cmd := &cobra.Command{
		Use:   "submit --node NODE | --cn NAME | -f FILE",
		Short: "Submit a CSR and fetch its certificate",
		Long: `Submit a CSR and fetch its certificate.

Creates a CSR, checks it against the rules of its signer, and submits it. --key
names the private key file, which is created if it does not exist, readable only
by its owner. The private key never leaves this machine.

The CSR name is derived from the key, subject, and usages, so the same command
resumes the same CSR. Without --wait, prints the CSR name. With --wait, prints
the certificate as PEM (-o pem) after verifying it: it has the key, subject,
names, and usages of the CSR, is signed by the signer's CA, and is valid now.
-o kubeconfig prints a kubeconfig with the certificate that refers to the key
file.

Exits with code 9 if a different CSR already has this name.

Permissions:
  create on certificatesigningrequests
  get on certificatesigningrequests
  watch on certificatesigningrequests, with --wait`,
		Example: `  # Create a user certificate and a kubeconfig that uses it
  bootctl csr submit --cn jane --org dev --key jane.key --expiration 30d \
    --wait -o kubeconfig > jane.kubeconfig

  # Request the client certificate of a node and wait for it
  bootctl csr submit --node worker-1 --key worker-1.key --wait > worker-1.crt

  # Request the serving certificate of a node
  bootctl csr submit --node worker-1 --san worker-1 --san 192.0.2.7 \
    --key serving.key

  # Submit an existing PKCS#10 file to a custom signer
  bootctl csr submit -f server.csr --signer example.com/servers \
    --usages "digital signature,server auth"`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{cli.FormatsAnnotation: "pem kubeconfig"},
		RunE:        func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// validate returns an error if the flags cannot be combined.
func (o submitOptions) validate(format string) error {
	given := slices.DeleteFunc([]string{o.node, o.Template.Subject.CommonName, o.file}, func(s string) bool { return s == "" })
	return cmp.Or(
		cli.UsageIf(len(given) != 1, "specify one of --node, --cn, and -f"),
		validateNode(o.node),
		cli.UsageIf(len(o.sans) > 0 && o.file != "", "--san cannot be used with -f, because the file contains the names"),
		cli.UsageIf(o.key == "" && o.file == "", "specify --key, the private key file, which is created if it does not exist"),
		cli.UsageIf(o.key == "" && format == "kubeconfig", "-o kubeconfig refers to the private key file, so it requires --key"),
		cli.UsageIf(!o.wait && (format == "pem" || format == "kubeconfig"), "-o %s prints the certificate, so it requires --wait", format),
		cli.UsageIf(!o.wait && o.caFile != "", "--ca-file verifies the certificate, so it requires --wait"),
		cli.UsageIf(o.timeout <= 0, "--timeout must be positive, not %s", o.timeout),
	)
}
