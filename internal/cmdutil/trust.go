package cmdutil

import (
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// TrustFlags are the flags with which a node verifies its cluster.
type TrustFlags struct {
	CaCertHashes []string
	CaFile       string
	UnsafeSkip   bool
}

// AddFlags adds the flags.
func (o *TrustFlags) AddFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.CaCertHashes, "ca-cert-hash", nil, "trust only CAs whose public key matches `pin` (sha256:...); can be repeated")
	fs.StringVar(&o.CaFile, "ca-file", "", "trust only the CA certificates in a PEM `file`")
	fs.BoolVar(&o.UnsafeSkip, "unsafe-skip-ca-verification", false, "trust any CA signed with the token; anyone with the token can fake the cluster")
}

// Given reports whether any of the flags is set.
func (o TrustFlags) Given() bool { return len(o.CaCertHashes) > 0 || o.CaFile != "" || o.UnsafeSkip }

// Discovery returns the discovery options of a node from flags, files and the environment.
// plain is a token from the command line.
func (o TrustFlags) Discovery(e *cli.Env, endpoints []string, tokenFile, plain string) (discovery.Options, error) {
	e.AtNode = true
	opts, err := o.DiscoveryOptions(e, endpoints)
	if err == nil {
		opts.Token, err = NodeToken(e, tokenFile, plain)
	}
	return opts, err
}

// DiscoveryOptions returns the discovery options of a node, without a token.
func (o TrustFlags) DiscoveryOptions(e *cli.Env, endpoints []string) (opts discovery.Options, err error) {
	opts = discovery.Options{Trust: discovery.Trust{SkipVerification: o.UnsafeSkip}, Client: e.ClientOptions("")}
	opts.Endpoints, err = parseEach(endpoints, clusterinfo.ParseEndpoint)
	if err == nil {
		opts.Pins, err = parseEach(o.CaCertHashes, clusterinfo.ParsePin)
	}
	if err == nil && o.CaFile != "" {
		opts.CAs, err = e.ReadCAs(o.CaFile)
	}
	return opts, err
}

func parseEach[T any](texts []string, parse func(string) (T, error)) (parsed []T, err error) {
	for _, text := range texts {
		one, err := parse(text)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, one)
	}
	return parsed, nil
}

// WarnOfOthers warns about endpoints that do not belong to the cluster.
func WarnOfOthers(e *cli.Env, others discovery.EndpointErrors) {
	for _, err := range others {
		e.Warn("an endpoint does not belong to this cluster: " + kubeclient.Message(err))
	}
}
