package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// tokenVariable is the environment variable that may hold the token of a node.
const tokenVariable = "BOOTCTL_TOKEN" //nolint:gosec // a name, not a token

// trustOptions are the flags by which a node knows its cluster.
type trustOptions struct {
	caCertHashes []string
	caFile       string
	unsafeSkip   bool
}

func (o *trustOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.caCertHashes, "ca-cert-hash", nil, "trust only CAs whose key has this `pin` (sha256:...); may be repeated")
	fs.StringVar(&o.caFile, "ca-file", "", "trust only the CA certificates in this PEM `file`")
	fs.BoolVar(&o.unsafeSkip, "unsafe-skip-ca-verification", false, "trust whatever CA the token's signature covers: whoever knows the token can pose as the cluster")
}

// given says whether any of the flags was.
func (o trustOptions) given() bool { return len(o.caCertHashes) > 0 || o.caFile != "" || o.unsafeSkip }

// discovery returns what a node believes and asks, read from flags, files and
// the environment. plain is a token given on the command line.
func (o trustOptions) discovery(e *env, endpoints []string, tokenFile, plain string) (clusterinfo.Options, error) {
	e.atNode = true
	opts, err := o.believe(e, endpoints)
	if err == nil {
		opts.Token, err = e.nodeToken(tokenFile, plain)
	}
	return opts, err
}

// believe returns what a node believes, and whom it asks.
func (o trustOptions) believe(e *env, endpoints []string) (clusterinfo.Options, error) {
	opts := clusterinfo.Options{SkipCAVerification: o.unsafeSkip, Timeout: e.global.requestTimeout, Client: e.clientOptions("")}
	for _, text := range endpoints {
		endpoint, err := clusterinfo.ParseEndpoint(text)
		if err != nil {
			return opts, err
		}
		opts.Endpoints = append(opts.Endpoints, endpoint)
	}
	for _, text := range o.caCertHashes {
		pin, err := clusterinfo.ParsePin(text)
		if err != nil {
			return opts, err
		}
		opts.Pins = append(opts.Pins, pin)
	}
	var err error
	if o.caFile != "" {
		opts.CAs, err = e.readCAs(o.caFile)
	}
	return opts, err
}

// errNoToken means that no token was given.
var errNoToken = fmt.Errorf("%w: there is no token: give --token-file, or set %s", failure.ErrUsage, tokenVariable)

// nodeToken reads the token of a node from the one place that was given, else
// from the environment.
func (e *env) nodeToken(file, plain string) (token.Token, error) {
	switch {
	case file != "" && plain != "":
		return token.Token{}, fmt.Errorf("%w: --token and --token-file were both given", failure.ErrUsage)
	case file != "":
		return e.readToken(file)
	case plain != "":
		return e.plainToken(plain)
	case e.getenv(tokenVariable) != "":
		return parseTokenLine(e.getenv(tokenVariable))
	}
	return token.Token{}, errNoToken
}

// plainToken reads a token that stands on the command line.
func (e *env) plainToken(text string) (token.Token, error) {
	tok, err := token.Parse(text)
	if err == nil {
		e.warn("a token on the command line can be seen by every user of this machine; --token-file hides it")
	}
	return tok, err
}
