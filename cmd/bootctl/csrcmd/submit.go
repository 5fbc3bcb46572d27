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
	csr.RequestSpec // as far as flags give it without being read
	node, file, key string
	sans, usages    []string
	expiration      string
	wait            bool
	timeout         time.Duration
	caFile          string
}

func (o *submitOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.node, "node", "", "ask for the node of this `name`: its client certificate, with --san its serving certificate")
	subject := &o.Template.Subject
	fs.StringVar(&subject.CommonName, "cn", "", "ask for this common `name`, which is the name of a user")
	fs.StringArrayVar(&subject.Organization, "org", nil, "with --cn, this `organization`, which is a group of the user; may be repeated")
	fs.StringVarP(&o.file, "file", "f", "", "send the request in this `file` instead, PKCS#10 in PEM (- is stdin)")
	fs.StringArrayVar(&o.sans, "san", nil, "a subject alternative `name`: DNS name, IP address, email address or URI; may be repeated")
	fs.StringVar(&o.SignerName, "signer", "", "the `name` of the signer; else the one of Kubernetes for what is asked")
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
		RunE:        func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// validate returns an error when the flags do not fit together.
func (o submitOptions) validate(format string) error {
	given := slices.DeleteFunc([]string{o.node, o.Template.Subject.CommonName, o.file}, func(s string) bool { return s == "" })
	return cmp.Or(
		cli.UsageIf(len(given) != 1, "give one of --node, --cn and -f"),
		validateNode(o.node),
		cli.UsageIf(len(o.sans) > 0 && o.file != "", "the names are in the file, so --san is not for -f"),
		cli.UsageIf(o.key == "" && o.file == "", "--key says which file the private key is in, or is to be made in"),
		cli.UsageIf(o.key == "" && format == "kubeconfig", "-o kubeconfig refers to the private key: give --key"),
		cli.UsageIf(!o.wait && (format == "pem" || format == "kubeconfig"), "-o %s is of the certificate: give --wait", format),
		cli.UsageIf(!o.wait && o.caFile != "", "--ca-file checks the certificate: give --wait"),
		cli.UsageIf(o.timeout <= 0, "--timeout %s leaves no time", o.timeout),
	)
}
